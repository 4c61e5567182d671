// Why a program has no part in some workload. What is left out is told in every table.

/** For programs that hand redirects to the client. */
export function followsNoRedirects(workload: string): string | undefined {
  return workload === "blob-redirect" ? "hands redirects to the client" : undefined;
}
