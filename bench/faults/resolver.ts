// Loaded into the program before it starts (`node --import`): names below .faults.test are resolved by the bench
// (names.ts), all others as ever. The program itself is the one that is shipped.
import dns from "node:dns";
import { syncBuiltinESMExports } from "node:module";
import { connect, isIP, type LookupFunction } from "node:net";

const port = Number(process.env["FAULTS_NAMES_PORT"]);
const systemLookup = dns.lookup as LookupFunction;

const lookup: LookupFunction = (hostname, options, callback) => {
  if (!hostname.endsWith(".faults.test")) return systemLookup(hostname, options, callback);
  let line = "";
  const socket = connect(port, "127.0.0.1", () => socket.write(`${hostname}\n`));
  socket.setEncoding("utf8").on("data", (text: string) => (line += text));
  socket.on("error", () => {}).on("close", () => answer(line.trim(), hostname, options.all === true, callback));
};

function answer(told: string, hostname: string, all: boolean, callback: Parameters<LookupFunction>[2]): void {
  const family = isIP(told);
  if (family === 0) {
    const code = told === "" ? "EAI_FAIL" : told;
    return callback(Object.assign(new Error(`getaddrinfo ${code} ${hostname}`), { code, hostname }), "");
  }
  if (all) callback(null, [{ address: told, family }]);
  else callback(null, told, family);
}

Object.assign(dns, { lookup });
syncBuiltinESMExports();
