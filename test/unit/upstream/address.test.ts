import assert from "node:assert/strict";
import { test } from "node:test";
import { isPublicAddress } from "../../../src/upstream/address.ts";

const CLASSES: readonly { readonly name: string; readonly addresses: readonly string[] }[] = [
  { name: "unspecified", addresses: ["0.0.0.0", "0.1.2.3", "::", "::ffff:0.0.0.0"] },
  { name: "loopback", addresses: ["127.0.0.1", "127.255.255.255", "::1", "::ffff:127.0.0.1", "::ffff:7f00:1"] },
  {
    name: "private",
    addresses: ["10.0.0.1", "10.255.255.255", "172.16.0.1", "172.31.255.255", "192.168.0.1", "::ffff:10.0.0.1"],
  },
  { name: "unique local", addresses: ["fc00::1", "fd00::1", "fdff:ffff::"] },
  { name: "site local", addresses: ["fec0::1"] },
  { name: "link local", addresses: ["169.254.0.1", "fe80::1", "febf::1", "fe80::1%lo"] },
  {
    name: "metadata",
    addresses: [
      "169.254.169.254",
      "169.254.170.2",
      "fd00:ec2::254",
      "fd20:ce::254",
      "100.100.100.200",
      "192.0.0.192",
      "168.63.129.16",
    ],
  },
  { name: "carrier-grade NAT", addresses: ["100.64.0.0", "100.127.255.255"] },
  { name: "protocol assignments", addresses: ["192.0.0.8", "2001::1", "2001:1::1", "2001:10::1"] },
  { name: "documentation", addresses: ["192.0.2.1", "198.51.100.1", "203.0.113.1", "2001:db8::1", "3fff::1"] },
  { name: "benchmarking", addresses: ["198.18.0.1", "198.19.255.255"] },
  { name: "multicast", addresses: ["224.0.0.1", "239.255.255.255", "ff02::1"] },
  { name: "reserved and broadcast", addresses: ["240.0.0.1", "255.255.255.255"] },
  { name: "6to4, with whatever inside", addresses: ["192.88.99.1", "2002:7f00:1::", "2002:808:808::"] },
  {
    name: "NAT64 of what is not public",
    addresses: ["64:ff9b::127.0.0.1", "64:ff9b::a00:1", "64:ff9b::169.254.169.254", "64:ff9b:1::8.8.8.8"],
  },
  { name: "IPv4-compatible", addresses: ["::127.0.0.1", "::8.8.8.8"] },
  { name: "discard", addresses: ["100::1"] },
  { name: "segment routing", addresses: ["5f00::1"] },
  {
    name: "no address at all",
    addresses: ["", "localhost", "1.2.3", "0x7f.1", "2130706433", "127.0.0.1 ", "[::1]", "::g"],
  },
];

for (const { name, addresses } of CLASSES) {
  test(`${name} is not public`, () => {
    assert.deepEqual(addresses.filter(isPublicAddress), []);
  });
}

test("addresses of the public network are public", () => {
  const addresses = [
    "1.1.1.1",
    "8.8.8.8",
    "9.255.255.255",
    "11.0.0.0",
    "100.63.255.255",
    "100.128.0.0",
    "126.255.255.255",
  ];
  addresses.push("128.0.0.1", "169.253.255.255", "172.15.255.255", "172.32.0.0", "192.167.255.255", "223.255.255.255");
  addresses.push("2606:4700::1111", "2a00:1450::1", "2001:200::1", "2003::1", "64:ff9b::8.8.8.8", "::ffff:8.8.8.8");
  assert.deepEqual(
    addresses.filter((address) => !isPublicAddress(address)),
    [],
  );
});
