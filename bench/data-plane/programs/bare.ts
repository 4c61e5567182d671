import { join } from "node:path";
import { startDaemon } from "../../rig/daemon.ts";
import { freePorts } from "../../rig/free-ports.ts";
import type { Candidate } from "../program.ts";

/** pullmeter's data plane alone, with nobody who watches: what tracker, metrics and log cost is the difference. */
export const bare: Candidate = {
  name: "bare",
  missing: () => undefined,
  start: async ({ folder, upstream }) => {
    const [tls = 0, plain = 0] = await freePorts(2);
    const daemon = await startDaemon({
      command: [
        process.execPath,
        join(import.meta.dirname, "bare-main.ts"),
        JSON.stringify({
          ca: upstream.certificate.certificate,
          listeners: [
            { name: "tls", port: tls, origin: `https://127.0.0.1:${upstream.tlsPort}` },
            { name: "plain", port: plain, origin: `http://127.0.0.1:${upstream.plainPort}` },
          ],
        }),
      ],
      logFile: join(folder, "bare.log"),
      ports: [tls, plain],
    });
    return {
      name: "bare",
      version: "data plane only",
      ports: { tls, plain },
      pids: [daemon.pid],
      startMs: daemon.startMs,
      stop: () => daemon.stop(),
    };
  },
};
