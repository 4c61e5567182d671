// As much of the protobuf wire format as the CRI's image calls need: fields that are strings, bytes or messages.
// https://protobuf.dev/programming-guides/encoding/

const LENGTH_DELIMITED = 2;

export function encodeField(field: number, value: string | Buffer): Buffer {
  const bytes = typeof value === "string" ? Buffer.from(value) : value;
  return Buffer.concat([encodeVarint((field << 3) | LENGTH_DELIMITED), encodeVarint(bytes.length), bytes]);
}

export interface Field {
  readonly field: number;
  /** Content of a length-delimited field; empty for numbers. */
  readonly bytes: Buffer;
}

export function decodeFields(message: Buffer): readonly Field[] {
  const fields: Field[] = [];
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = message[at++] ?? 0;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
    }
  };
  const take = (length: number): Buffer => message.subarray(at, (at += length));
  while (at < message.length) {
    const key = varint();
    const field = Math.floor(key / 8);
    const wireType = key % 8;
    if (wireType === LENGTH_DELIMITED) fields.push({ field, bytes: take(varint()) });
    else if (wireType === 0) fields.push({ field, bytes: Buffer.alloc(varint() * 0) });
    else if (wireType === 1) fields.push({ field, bytes: take(8) });
    else if (wireType === 5) fields.push({ field, bytes: take(4) });
    else throw new Error(`protobuf: wire type ${wireType}`);
  }
  return fields;
}

function encodeVarint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 0x7f; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 0x80);
  return Buffer.from([...bytes, rest]);
}
