import type { Protection } from "../access/protection.ts";
import type { AdminServer } from "../admin/server.ts";
import type { Config } from "../config/config.ts";
import { ProtectionReload, type ProtectedListener } from "../config/protection-reload.ts";
import type { Logger } from "../log/logger.ts";
import type { Proxy } from "../proxy/proxy.ts";

export interface ProtectedParts {
  readonly proxy: Pick<Proxy, "protect">;
  readonly admin: AdminServer;
  readonly logger: Logger;
}

/** Brings what the files of listeners say to those who listen. */
export function createFilesReload(config: Config, { proxy, admin, logger }: ProtectedParts): ProtectionReload {
  return new ProtectionReload(listProtected(config, proxy, admin), {
    reloaded: (listener) => logger.info("files of a listener were read again", { listener }),
    kept: (listener, mistakes) => {
      const problems = mistakes.map(({ file, message }) => `${file}: ${message}`);
      logger.error("files of a listener cannot be used; it goes on with what they said before", { listener, problems });
    },
  });
}

function listProtected(config: Config, proxy: ProtectedParts["proxy"], admin: AdminServer): ProtectedListener[] {
  const listeners = config.listeners.map(({ name, files = {} }): ProtectedListener => ({
    name,
    files,
    protect: (protection) => proxy.protect(name, protection),
  }));
  const { files = {} } = config.admin;
  const all = [...listeners, { name: "admin", files, protect: (protection: Protection) => admin.protect(protection) }];
  return all.filter(({ files: { tls, auth } }) => tls !== undefined || auth !== undefined);
}
