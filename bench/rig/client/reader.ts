import { connect, type Socket } from "node:net";

/** 256 KiB: the client asks the kernel once for what proxies write in one to sixteen pieces. */
const BUFFER_BYTES = 262_144;

/** Every socket reads into this one buffer: its content is looked at before the next read, or never. */
const BUFFER = Buffer.allocUnsafe(BUFFER_BYTES);

/** The user agent of a real client, so that pullmeter takes what it sees for pulls. */
export const USER_AGENT = "containerd/2.1.4";
const ACCEPT = "application/vnd.oci.image.manifest.v1+json, */*";

export interface ReaderEvents {
  readonly head: (status: number, contentLength: number) => void;
  /** Returns false to pause the socket; `resume` goes on. */
  readonly body: (bytes: Buffer) => boolean;
  /** Once: the connection ended, by whichever side. */
  readonly closed: (error: Error | undefined) => void;
}

/** Asks for one path on a connection of its own, and hands out the body without copying it. */
export function openReader(port: number, path: string, events: ReaderEvents): Socket {
  let head = "";
  let inBody = false;
  const receive = (bytes: Buffer): boolean => {
    if (inBody) return events.body(bytes);
    const before = head.length;
    head += bytes.toString("latin1");
    const end = head.indexOf("\r\n\r\n");
    if (end < 0) return true;
    inBody = true;
    const status = Number(head.slice(9, 12));
    events.head(status, Number(/^content-length: *(\d+)/im.exec(head.slice(0, end))?.[1] ?? Number.NaN));
    return events.body(bytes.subarray(end + 4 - before));
  };
  const socket = connect({
    port,
    host: "127.0.0.1",
    onread: { buffer: BUFFER, callback: (count: number) => receive(BUFFER.subarray(0, count)) },
  });
  let failure: Error | undefined;
  socket.on("error", (error) => (failure = error));
  socket.on("close", () => events.closed(failure));
  socket.write(
    `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nUser-Agent: ${USER_AGENT}\r\nAccept: ${ACCEPT}\r\n\r\n`,
  );
  return socket;
}
