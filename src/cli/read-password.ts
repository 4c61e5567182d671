import { createInterface } from "node:readline";
import { Writable } from "node:stream";
import { text } from "node:stream/consumers";

/** The first line of standard input: arguments are seen by everybody who lists processes. Asks for it at a terminal. */
export async function readPassword(): Promise<string> {
  const [password = ""] = process.stdin.isTTY ? [await askUnseen()] : (await text(process.stdin)).split(/\r?\n/, 1);
  if (password === "") throw new Error("no password; expected a line on standard input");
  return password;
}

/** Empty after Ctrl-C. Nothing that is typed is shown. */
async function askUnseen(): Promise<string> {
  process.stderr.write("Password: ");
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({ input: process.stdin, output: nowhere, terminal: true });
  try {
    for await (const line of lines) return line;
    return "";
  } finally {
    lines.close();
    process.stderr.write("\n");
  }
}
