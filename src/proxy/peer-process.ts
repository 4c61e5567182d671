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

/**
 * Process id of the client of a connection on this host, or undefined: another host, another network or process
 * namespace, no right to look. Call it when the connection is accepted: the client may be gone a moment later.
 * https://www.kernel.org/doc/html/v6.12/networking/proc_net_tcp.html
 */
export function findPeerProcess(ends: Ends): number | undefined {
  const inode = findInode(ends);
  return inode === undefined ? undefined : findHolder(`socket:[${inode}]`);
}

/** The client's own socket: its local end is the client's address, its remote end is ours. */
function findInode({ clientAddress, clientPort, serverAddress, serverPort }: Ends): string | undefined {
  const locals = new Set(tableAddresses(clientAddress).map((address) => `${address}:${toHex(clientPort, 4)}`));
  const remotes = new Set(tableAddresses(serverAddress).map((address) => `${address}:${toHex(serverPort, 4)}`));
  for (const table of ["/proc/net/tcp", "/proc/net/tcp6"]) {
    for (const line of readLines(table)) {
      const [, local = "", remote = "", , , , , , , inode] = line.trim().split(/\s+/);
      // Inode 0: the socket has no owner any more.
      if (locals.has(local) && remotes.has(remote) && inode !== "0") return inode;
    }
  }
  return undefined;
}

function findHolder(link: string): number | undefined {
  for (const entry of list("/proc")) {
    if (!/^\d+$/.test(entry)) continue;
    for (const descriptor of list(`/proc/${entry}/fd`)) {
      if (readLink(`/proc/${entry}/fd/${descriptor}`) === link) return Number(entry);
    }
  }
  return undefined;
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

function readLines(path: string): string[] {
  try {
    return readFileSync(path, "latin1").split("\n").slice(1);
  } catch {
    return [];
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
