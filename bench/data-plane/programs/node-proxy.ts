import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { startDaemon } from "../../rig/daemon.ts";
import { freePorts } from "../../rig/free-ports.ts";
import { followsNoRedirects } from "../exclusions.ts";
import type { Candidate } from "../program.ts";

const ROOT = join(import.meta.dirname, "..", "..", "..");

/** A proxy library of npm in the few lines that its README shows, with keep-alive. */
export function nodeProxy(library: "http-proxy" | "httpxy"): Candidate {
  const folderOfLibrary = join(ROOT, "node_modules", library === "http-proxy" ? "http-proxy-original" : library);
  return {
    name: library,
    missing: () => (existsSync(folderOfLibrary) ? undefined : `${library} is not in node_modules`),
    excluded: followsNoRedirects,
    start: async ({ folder, upstream }) => {
      const [tls = 0, plain = 0] = await freePorts(2);
      const daemon = await startDaemon({
        command: [
          process.execPath,
          join(import.meta.dirname, "node-proxy-main.ts"),
          JSON.stringify({
            library,
            ca: upstream.certificate.certificate,
            listeners: [
              { port: tls, target: `https://localhost:${upstream.tlsPort}` },
              { port: plain, target: `http://127.0.0.1:${upstream.plainPort}` },
            ],
          }),
        ],
        logFile: join(folder, `${library}.log`),
        ports: [tls, plain],
      });
      return {
        name: library,
        version: versionOf(folderOfLibrary),
        ports: { tls, plain },
        pids: [daemon.pid],
        startMs: daemon.startMs,
        stop: () => daemon.stop(),
      };
    },
  };
}

function versionOf(folder: string): string {
  return (JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as { version: string }).version;
}
