// Clients in a process of their own, which go away over TLS as soon as they have everything. Prints how many had it.
import { once } from "node:events";
import { connect } from "node:tls";

const [port = "", path = "", last = "", how = "", clients = ""] = process.argv.slice(2);
const AT_ONCE = 8;

let left = Number(clients);
let whole = 0;

async function readAndLeave(): Promise<void> {
  const socket = connect({ host: "127.0.0.1", port: Number(port), rejectUnauthorized: false });
  socket.on("error", () => {});
  socket.on("secureConnect", () => socket.write(`GET ${path} HTTP/1.1\r\nHost: h\r\n\r\n`));
  let read = "";
  socket.setEncoding("latin1").on("data", (text: string) => {
    read += text;
    if (!read.endsWith(last)) return;
    whole += 1;
    if (how === "destroy") socket.destroy();
    else socket.end();
  });
  await once(socket, "close");
}

async function oneAfterTheOther(): Promise<void> {
  while (left-- > 0) await readAndLeave();
}

await Promise.all(Array.from({ length: AT_ONCE }, oneAfterTheOther));
console.log(whole);
