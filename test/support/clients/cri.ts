import { connect, constants, type ClientHttp2Session, type ClientHttp2Stream } from "node:http2";
import { connect as connectSocket } from "node:net";
import type { PullOptions } from "./client.ts";
import { decodeFields, encodeField } from "./protobuf.ts";

/** A failed call. `code` is one of https://grpc.io/docs/guides/status-codes/: 1 cancelled, 2 unknown, 5 not found. */
export class GrpcError extends Error {
  readonly code: number;
  constructor(code: number, message: string) {
    super(message);
    this.code = code;
  }
}

const CANCELLED = 1;

/**
 * The kubelet's side of the Container Runtime Interface, its image calls only.
 * https://github.com/kubernetes/cri-api/blob/v0.34.0/pkg/apis/runtime/v1/api.proto#L120
 */
export class ImageService {
  readonly #session: ClientHttp2Session;

  constructor(socketPath: string) {
    this.#session = connect("http://localhost", { createConnection: () => connectSocket(socketPath) });
    // A call on a broken session fails by itself; without a listener the event would end the process.
    this.#session.on("error", () => undefined);
  }

  /** Resolves with the image's id. */
  async pullImage(image: string, options: PullOptions = {}): Promise<string> {
    const { credentials } = options;
    const auth = credentials && [encodeField(1, credentials.username), encodeField(2, credentials.password)];
    const request = [encodeField(1, imageSpec(image)), ...(auth ? [encodeField(2, Buffer.concat(auth))] : [])];
    const response = await this.#call("PullImage", Buffer.concat(request), options);
    return textOf(response, 1)[0] ?? "";
  }

  /** Removing an image that is not there is no error, as CRI wants it. */
  async removeImage(image: string): Promise<void> {
    await this.#call("RemoveImage", encodeField(1, imageSpec(image)));
  }

  /** Id of the image; undefined if it is not there. */
  async imageStatus(image: string): Promise<string | undefined> {
    const response = await this.#call("ImageStatus", encodeField(1, imageSpec(image)));
    const found = decodeFields(response).find(({ field }) => field === 1);
    return found && textOf(found.bytes, 1)[0];
  }

  /** Tags, then digests, of every image. */
  async listImages(): Promise<readonly string[]> {
    const response = await this.#call("ListImages", Buffer.alloc(0));
    const images = decodeFields(response).filter(({ field }) => field === 1);
    return images.flatMap(({ bytes }) => [...textOf(bytes, 2), ...textOf(bytes, 3)]);
  }

  close(): void {
    this.#session.destroy();
  }

  /** One unary call: https://github.com/grpc/grpc/blob/v1.74.0/doc/PROTOCOL-HTTP2.md */
  async #call(method: string, message: Buffer, options: PullOptions = {}): Promise<Buffer> {
    const stream = this.#session.request({
      ":method": "POST",
      ":path": `/runtime.v1.ImageService/${method}`,
      "content-type": "application/grpc",
      te: "trailers",
      ...(options.traceparent === undefined ? {} : { traceparent: options.traceparent }),
    });
    const abort = (): void => stream.close(constants.NGHTTP2_CANCEL);
    options.signal?.addEventListener("abort", abort);
    if (options.signal?.aborted === true) abort();
    stream.end(frame(message));
    try {
      return await answer(stream, method);
    } finally {
      options.signal?.removeEventListener("abort", abort);
    }
  }
}

async function answer(stream: ClientHttp2Stream, method: string): Promise<Buffer> {
  let status: string | undefined;
  let detail = "";
  const note = (headers: Record<string, unknown>): void => {
    if (typeof headers["grpc-status"] === "string") status = headers["grpc-status"];
    if (typeof headers["grpc-message"] === "string") detail = decodeURIComponent(headers["grpc-message"]);
  };
  // A call that fails at once has its status in the head, any other in the trailers.
  stream.on("response", note);
  stream.on("trailers", note);
  const chunks: Buffer[] = [];
  stream.on("data", (chunk: Buffer) => chunks.push(chunk));
  await new Promise<void>((resolve, reject) => {
    stream.on("error", reject);
    stream.on("close", resolve);
  });
  if (status === undefined) throw new GrpcError(CANCELLED, `${method}: cancelled`);
  if (status !== "0") throw new GrpcError(Number(status), `${method}: ${detail}`);
  return Buffer.concat(chunks).subarray(FRAME_HEADER_BYTES);
}

/** A flag (0: not compressed) and the message's length in four bytes. */
const FRAME_HEADER_BYTES = 5;

function frame(message: Buffer): Buffer {
  const header = Buffer.alloc(FRAME_HEADER_BYTES);
  header.writeUInt32BE(message.length, 1);
  return Buffer.concat([header, message]);
}

function imageSpec(image: string): Buffer {
  return encodeField(1, image);
}

function textOf(message: Buffer, field: number): readonly string[] {
  return decodeFields(message)
    .filter((one) => one.field === field)
    .map(({ bytes }) => bytes.toString());
}
