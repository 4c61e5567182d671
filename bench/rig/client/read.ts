import { createHash, type Hash } from "node:crypto";
import type { JobResult, ReadRequest } from "./job.ts";
import { openReader } from "./reader.ts";

/** Reads all bodies at once; checks status, length and, where asked for, digest. */
export async function readAll(requests: readonly ReadRequest[]): Promise<JobResult> {
  const startedAt = performance.now();
  const problems = await Promise.all(requests.map(readOne));
  const seconds = (performance.now() - startedAt) / 1000;
  const bodyBytes = requests.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  return { seconds, bodyBytes, problems: problems.filter((problem) => problem !== undefined) };
}

function readOne({ port, path, sizeBytes, digest }: ReadRequest): Promise<string | undefined> {
  const { promise, resolve } = Promise.withResolvers<string | undefined>();
  const hash: Hash | undefined = digest === undefined ? undefined : createHash("sha256");
  let received = 0;
  const finish = (problem: string | undefined): void => {
    resolve(problem && `${path}: ${problem}`);
    socket.destroy();
  };
  const socket = openReader(port, path, {
    head: (status, contentLength) => {
      if (status !== 200) finish(`status ${status}`);
      else if (contentLength !== sizeBytes) finish(`Content-Length ${contentLength} instead of ${sizeBytes}`);
    },
    body: (bytes) => {
      received += bytes.length;
      hash?.update(bytes);
      if (received < sizeBytes) return true;
      if (received > sizeBytes) finish(`${received - sizeBytes} bytes too many`);
      else finish(hash === undefined || `sha256:${hash.digest("hex")}` === digest ? undefined : "wrong bytes");
      return true;
    },
    closed: (error) => finish(`closed after ${received} bytes (${error?.message ?? "no error"})`),
  });
  return promise;
}
