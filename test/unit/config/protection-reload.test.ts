import assert from "node:assert/strict";
import { copyFileSync, mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import type { Protection } from "../../../src/access/protection.ts";
import { ProtectionReload } from "../../../src/config/protection-reload.ts";
import { TEST_TLS } from "../../support/tls.ts";

const FIXTURES = join(import.meta.dirname, "../../fixtures/tls");

/** A Secret as Kubernetes mounts it: files are links through ..data, which is a link to a folder for each version. */
class MountedSecret {
  readonly #folder: string;
  #versions = 0;

  constructor(t: TestContext) {
    this.#folder = mkdtempSync(join(tmpdir(), "pullmeter-"));
    t.after(() => rmSync(this.#folder, { recursive: true }));
  }

  path(name: string): string {
    return join(this.#folder, name);
  }

  write(files: Readonly<Record<string, string>>): void {
    const version = `..version-${(this.#versions += 1)}`;
    mkdirSync(this.path(version));
    for (const [name, fixture] of Object.entries(files)) {
      copyFileSync(join(FIXTURES, fixture), join(this.path(version), name));
      if (this.#versions === 1) symlinkSync(join("..data", name), this.path(name));
    }
    symlinkSync(version, this.path("..data_tmp"));
    renameSync(this.path("..data_tmp"), this.path("..data"));
  }
}

function watch(files: { tls: { certFile: string; keyFile: string }; auth?: { bearerFile: string } }) {
  const protections: Protection[] = [];
  const kept: string[] = [];
  const reload = new ProtectionReload(
    [{ name: "test", files, protect: (protection) => void protections.push(protection) }],
    {
      reloaded: () => {},
      kept: (listener, mistakes) => void kept.push(...mistakes.map(({ message }) => `${listener}: ${message}`)),
    },
  );
  return { reload, protections, kept };
}

test("a Secret that Kubernetes swaps is read once, and nothing is while it stays", (t) => {
  const secret = new MountedSecret(t);
  secret.write({ "tls.crt": "cert.pem", "tls.key": "key.pem" });
  const { reload, protections, kept } = watch({
    tls: { certFile: secret.path("tls.crt"), keyFile: secret.path("tls.key") },
  });
  reload.reloadIfChanged();
  assert.equal(protections.length, 0);
  secret.write({ "tls.crt": "rotated.pem", "tls.key": "client-key.pem" });
  reload.reloadIfChanged();
  reload.reloadIfChanged();
  assert.deepEqual(
    protections.map(({ tls }) => tls),
    [{ cert: TEST_TLS.rotated, key: TEST_TLS.clientKey }],
  );
  assert.deepEqual(kept, []);
});

test("a key that does not fit keeps everything as it was, is told once, and is taken when its certificate comes", (t) => {
  const folder = mkdtempSync(join(tmpdir(), "pullmeter-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const [certFile, keyFile] = [join(folder, "cert.pem"), join(folder, "key.pem")];
  writeFileSync(certFile, TEST_TLS.cert);
  writeFileSync(keyFile, TEST_TLS.key);
  const { reload, protections, kept } = watch({ tls: { certFile, keyFile } });
  writeFileSync(keyFile, TEST_TLS.clientKey);
  reload.reloadIfChanged();
  reload.reloadIfChanged();
  assert.deepEqual(protections, []);
  assert.deepEqual(kept, ["test: not the key of the certificate; expected the one that certFile was made for"]);
  writeFileSync(certFile, TEST_TLS.rotated);
  reload.reloadIfChanged();
  assert.equal(protections.length, 1);
});

test("files that are gone, or hold nobody any more, keep what they said", (t) => {
  const folder = mkdtempSync(join(tmpdir(), "pullmeter-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const [certFile, keyFile, bearerFile] = ["cert.pem", "key.pem", "tokens"].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  writeFileSync(certFile, TEST_TLS.cert);
  writeFileSync(keyFile, TEST_TLS.key);
  writeFileSync(bearerFile, "0123456789abcdef\n");
  const { reload, protections, kept } = watch({ tls: { certFile, keyFile }, auth: { bearerFile } });
  rmSync(keyFile);
  writeFileSync(bearerFile, "# secret-canary\n");
  reload.reloadIfChanged();
  assert.deepEqual(protections, []);
  assert.equal(kept.length, 2);
  assert.doesNotMatch(kept.join(), /canary/);
});

test("asked for, everything is read again, changed or not", (t) => {
  const secret = new MountedSecret(t);
  secret.write({ "tls.crt": "cert.pem", "tls.key": "key.pem" });
  const { reload, protections } = watch({
    tls: { certFile: secret.path("tls.crt"), keyFile: secret.path("tls.key") },
  });
  reload.reload();
  assert.equal(protections.length, 1);
});
