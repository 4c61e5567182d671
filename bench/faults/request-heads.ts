import type { Duplex } from "node:stream";

export interface RequestHead {
  readonly method: string;
  /** With its query, as it came. */
  readonly path: string;
  /** Names in lower case. */
  readonly headers: ReadonlyMap<string, string>;
}

const END = "\r\n\r\n";

/** Tells every request that arrives on a connection. What clients ask a registry for while they pull has no body. */
export function readRequests(socket: Duplex, onRequest: (head: RequestHead) => void): void {
  let text = "";
  socket.on("data", (chunk: Buffer) => {
    text += chunk.toString("latin1");
    for (let end = text.indexOf(END); end >= 0; end = text.indexOf(END)) {
      const head = parseHead(text.slice(0, end));
      text = text.slice(end + END.length);
      onRequest(head);
    }
  });
}

export function parseHead(text: string): RequestHead {
  const [requestLine = "", ...lines] = text.split("\r\n");
  const [method = "", path = ""] = requestLine.split(" ");
  const headers = lines.map((line) => {
    const colon = line.indexOf(":");
    return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()] as const;
  });
  return { method, path, headers: new Map(headers) };
}
