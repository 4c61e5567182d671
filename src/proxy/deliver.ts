import type { UpstreamResponse } from "../upstream/exchange.ts";
import { UpstreamError } from "../upstream/upstream-error.ts";
import { atTurnEnd } from "../turn-end.ts";
import type { ClientRequest } from "./handle-request.ts";
import { forwardResponseHeaders, hasCleanFraming } from "./headers.ts";
import type { BodyInspection } from "./inspect-body.ts";
import type { Transfer } from "./transfer.ts";

/** Gives a registry's response to the client. Rejects with an UpstreamError when it cannot be passed on, or was cut. */
export function deliver(
  client: ClientRequest,
  transfer: Transfer,
  result: UpstreamResponse,
  inspection: BodyInspection | undefined,
): Promise<void> {
  const pass = result.body.whole === undefined ? stream : writeWhole;
  return pass(client, transfer, result, inspection);
}

/** What is here already goes out head and body in one; in the clear together with what else this turn has to write. */
async function writeWhole(
  { request, response, connection }: ClientRequest,
  transfer: Transfer,
  result: UpstreamResponse,
  inspection: BodyInspection | undefined,
): Promise<void> {
  passHead(transfer, result);
  const whole = request.method === "HEAD" ? NOTHING : (result.body.whole ?? NOTHING);
  const known = inspection?.read(whole);
  // What is written over TLS at the end of a turn is told as taken in the next: a client that has it and leaves meanwhile
  // would seem to have gone without.
  if (!connection.isTls) await new Promise<void>((go) => atTurnEnd(connection.load.transfers, go));
  if (transfer.isOver) return;
  transfer.bytes = whole.length;
  if (!(known instanceof Promise)) return transfer.end(whole, known);
  transfer.writing();
  response.write(whole);
  transfer.delivered();
  transfer.end(undefined, await known);
}

async function stream(
  { request, response }: ClientRequest,
  transfer: Transfer,
  result: UpstreamResponse,
  inspection: BodyInspection | undefined,
): Promise<void> {
  transfer.beginWaits();
  const { body } = result;
  passHead(transfer, result);
  const taken = (): void => {
    // An earlier chunk's news: the last one is still on its way.
    if (response.writableLength > 0) return;
    transfer.waits?.taken();
    body.resume();
  };
  const delivered = body.deliver((chunk) => {
    transfer.bytes += chunk.length;
    inspection?.add(chunk);
    transfer.writing();
    response.write(chunk, taken);
    const isInKernel = response.writableLength === 0;
    transfer.waits?.received(isInKernel);
    return isInKernel;
  });
  // The head goes out with the first bytes, or alone when they are not here yet. Not by `flushHeaders`: that would
  // write it as UTF-8.
  if (transfer.bytes === 0 && request.method !== "HEAD") response.write(NOTHING);
  await delivered.catch((error: unknown) => {
    inspection?.abandon();
    throw error;
  });
  transfer.waits?.ended();
  transfer.delivered();
  const known = await inspection?.end();
  transfer.end(undefined, known);
}

const NOTHING = Buffer.alloc(0);

function passHead(transfer: Transfer, { status, statusText, headers, host, body }: UpstreamResponse): void {
  try {
    if (!hasCleanFraming(headers)) throw new Error("the length of the body is told twice");
    transfer.respond({ status, statusText, headers: forwardResponseHeaders(headers), host });
  } catch (error) {
    body.discard();
    throw new UpstreamError("truncated", `${host}: the head of the response is malformed`, { cause: error });
  }
}
