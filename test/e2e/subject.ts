import assert from "node:assert/strict";
import type { Client, Credentials } from "../support/clients/client.ts";
import type { ContainersOptions } from "../support/clients/containers-config.ts";
import { ALICE, basic } from "../support/clients/docker-registry.ts";
import { readExample, type Stage } from "./stage.ts";

/** Who pulls: without credentials, with the right ones, with wrong ones. */
export type User = "nobody" | "alice" | "mallory";

const MALLORY: Credentials = { ...ALICE, password: "wrong" };

const CREDENTIALS: Readonly<Record<User, Credentials | undefined>> = {
  nobody: undefined,
  alice: ALICE,
  mallory: MALLORY,
};

/** A kind of client as the scenarios see it: one store for each user. */
export interface Subject {
  as(user: User): Promise<Client>;
  close(): Promise<void>;
}

/** podman, buildah, skopeo: what is sent to a mirror are credentials stored for the mirror's own host. */
export function containersSubject(
  stage: Stage,
  registriesConf: string,
  create: (options: Pick<ContainersOptions, "registriesConf" | "authJson">) => Promise<Client>,
): Subject {
  return cached(async (user) =>
    create({ registriesConf: stage.localise(registriesConf), authJson: authJson(stage, user) }),
  );
}

/** The example's, which has alice's credentials, or with a wrong password, or none. */
function authJson(stage: Stage, user: User): string {
  const example = stage.localise(readExample("podman/auth.json"));
  if (user === "nobody") return '{"auths":{}}';
  assert.ok(example.includes(encode(ALICE)));
  return user === "alice" ? example : example.replaceAll(encode(ALICE), encode(MALLORY));
}

function encode(credentials: Credentials): string {
  return basic(credentials).replace("Basic ", "");
}

/** containerd and dockerd: one daemon, credentials come with each pull. */
export function daemonSubject(start: () => Promise<Client>): Subject {
  let daemon: Promise<Client> | undefined;
  return cached(async (user) => {
    daemon ??= start();
    const client = await daemon;
    const credentials = CREDENTIALS[user];
    return {
      ...client,
      pull: async (image, options) => client.pull(image, { ...options, ...(credentials ? { credentials } : {}) }),
    };
  });
}

function cached(create: (user: User) => Promise<Client>): Subject {
  const clients = new Map<User, Promise<Client>>();
  return {
    as: async (user) => {
      const client = clients.get(user) ?? create(user);
      clients.set(user, client);
      return client;
    },
    close: async () => {
      const closes = new Set((await Promise.all(clients.values())).map((client) => client.close));
      await Promise.all([...closes].map(async (close) => close()));
    },
  };
}
