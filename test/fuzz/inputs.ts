import * as fc from "fast-check";
import type { FuzzTarget } from "./fuzz-target.ts";

/** Texts for a target: known ones with some damage, pieces in any order, and anything at all. */
export function inputsFor({ pieces }: FuzzTarget, corpus: readonly string[]): fc.Arbitrary<string> {
  const noise = bytes(12);
  const piece = fc.constantFrom(...pieces);
  const assembled = fc.array(fc.oneof({ weight: 5, arbitrary: piece }, { weight: 1, arbitrary: noise }), {
    maxLength: 16,
  });
  const known = fc.constantFrom(...corpus);
  return fc.oneof(
    { weight: 4, arbitrary: fc.tuple(known, fc.array(damage(fc.oneof(piece, noise)), { maxLength: 4 })).map(apply) },
    { weight: 2, arbitrary: fc.tuple(known, known, fc.nat(), fc.nat()).map(cross) },
    { weight: 4, arbitrary: assembled.map((parts) => parts.join("")) },
    { weight: 1, arbitrary: bytes(40) },
    {
      weight: 1,
      arbitrary: fc.tuple(piece, fc.integer({ min: 2, max: 300 })).map(([text, times]) => text.repeat(times)),
    },
  );
}

/** ISO-8859-1, as headers are read. */
function bytes(maxLength: number): fc.Arbitrary<string> {
  return fc.uint8Array({ maxLength }).map((codes) => String.fromCharCode(...codes));
}

type Damage = (text: string) => string;

function damage(inserted: fc.Arbitrary<string>): fc.Arbitrary<Damage> {
  const at = fc.nat();
  const insert = fc.tuple(at, fc.nat({ max: 8 }), inserted).map(([start, length, piece]): Damage => (text) => {
    const from = start % (text.length + 1);
    return text.slice(0, from) + piece + text.slice(from + length);
  });
  const repeat = fc
    .tuple(at, fc.nat({ max: 20 }), fc.nat({ max: 50 }))
    .map(([start, length, times]): Damage => (text) => {
      const from = start % (text.length + 1);
      return text.slice(0, from) + text.slice(from, from + length).repeat(times) + text.slice(from + length);
    });
  const flip = fc.tuple(at, fc.nat({ max: 255 })).map(([start, code]): Damage => (text) => {
    const from = start % (text.length + 1);
    return text.slice(0, from) + String.fromCharCode(code) + text.slice(from + 1);
  });
  return fc.oneof(insert, repeat, flip);
}

function apply([text, damages]: readonly [string, readonly Damage[]]): string {
  return damages.reduce((damaged, one) => one(damaged), text);
}

function cross([one, other, end, start]: readonly [string, string, number, number]): string {
  return one.slice(0, end % (one.length + 1)) + other.slice(start % (other.length + 1));
}
