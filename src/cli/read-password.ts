import { text } from "node:stream/consumers";

/** The first line of standard input: arguments are seen by everybody who lists processes. */
export async function readPassword(): Promise<string> {
  const [password = ""] = (await text(process.stdin)).split(/\r?\n/, 1);
  if (password === "") throw new Error("no password; expected a line on standard input");
  return password;
}
