import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { isIPv4 } from "node:net";
import { endianness } from "node:os";

/** Both ends of a connection, as the server's socket names them. */
export interface Ends {
  readonly clientAddress: string;
  readonly clientPort: number;
  readonly serverAddress: string;
  readonly serverPort: number;
}

/** 32: more clients than pull at once on one host; each costs one look at its descriptors. */
const MAX_RECENT = 32;

/**
 * Finds the process of a client on this host. Looking is synchronous, because the client may be gone a moment later;
 * so it starts where the answer likely is: processes that were clients before, then the youngest (podman is one for
 * each pull). https://www.kernel.org/doc/html/v6.12/networking/proc_net_tcp.html
 */
export class PeerProcesses {
  #recent: readonly number[] = [];

  /** Undefined: the client is on another host, or in another network or process namespace, or may not be looked at. */
  find(ends: Ends): number | undefined {
    const inode = findInode(ends);
    if (inode === undefined) return undefined;
    const link = `socket:[${inode}]`;
    const found = this.#recent.find((id) => holds(id, link)) ?? youngestFirst().find((id) => holds(id, link));
    if (found !== undefined) this.#recent = [found, ...this.#recent.filter((id) => id !== found)].slice(0, MAX_RECENT);
    return found;
  }
}

const TCP = "/proc/net/tcp";
const TCP6 = "/proc/net/tcp6";

/** The client's own socket: its local end is the client's address, its remote end is ours. */
function findInode({ clientAddress, clientPort, serverAddress, serverPort }: Ends): string | undefined {
  const locals = tableAddresses(clientAddress).map((address) => `${address}:${toHex(clientPort, 4)}`);
  const remotes = tableAddresses(serverAddress).map((address) => `${address}:${toHex(serverPort, 4)}`);
  // Reading a table costs milliseconds, whatever is in it. An IPv4 client may have a dual-stack socket; IPv6 is in one.
  for (const path of clientAddress.includes(".") ? [TCP, TCP6] : [TCP6]) {
    const table = read(path);
    for (const local of locals) {
      for (const remote of remotes) {
        const start = table.indexOf(` ${local} ${remote} `);
        if (start === -1) continue;
        const [, , , , , , , , inode] = table.slice(start, table.indexOf("\n", start)).trim().split(/\s+/);
        // 0: the socket has no owner any more.
        if (inode !== "0") return inode;
      }
    }
  }
  return undefined;
}

function youngestFirst(): number[] {
  const ids = list("/proc").filter((entry) => /^\d+$/.test(entry));
  return ids.map(Number).toSorted((one, other) => other - one);
}

function holds(id: number, link: string): boolean {
  const folder = `/proc/${id}/fd`;
  return list(folder).some((descriptor) => readLink(`${folder}/${descriptor}`) === link);
}

/** The spellings of an address in the kernel's tables: words of 32 bits in the host's byte order. */
function tableAddresses(address: string): string[] {
  const plain = address.startsWith("::ffff:") ? address.slice("::ffff:".length) : address;
  if (!isIPv4(plain)) return [toTable(ipv6Bytes(plain))];
  const bytes = plain.split(".").map(Number);
  return [toTable(bytes), toTable([...MAPPED_PREFIX, ...bytes])];
}

const MAPPED_PREFIX = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff];

function toTable(bytes: readonly number[]): string {
  const words: string[] = [];
  for (let i = 0; i < bytes.length; i += 4) {
    const word = bytes.slice(i, i + 4);
    if (endianness() === "LE") word.reverse();
    words.push(word.map((byte) => toHex(byte, 2)).join(""));
  }
  return words.join("");
}

function ipv6Bytes(address: string): number[] {
  const [head = "", tail] = (address.split("%")[0] ?? "").split("::");
  const before = head === "" ? [] : head.split(":");
  const after = tail === undefined || tail === "" ? [] : tail.split(":");
  const zeros = Array.from({ length: 8 - before.length - after.length }, () => "0");
  return [...before, ...zeros, ...after].flatMap((group) => {
    const value = Number.parseInt(group, 16);
    return [value >> 8, value & 0xff];
  });
}

function toHex(value: number, digits: number): string {
  return value.toString(16).toUpperCase().padStart(digits, "0");
}

// Processes end and descriptors close while /proc is read: what cannot be read is not there.

function read(path: string): string {
  try {
    return readFileSync(path, "latin1");
  } catch {
    return "";
  }
}

function list(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}

function readLink(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined;
  }
}
