import { Counter, type Registry } from "prom-client";
import { LabelMap } from "../exposition/label-map.ts";
import type { Definition } from "./definition.ts";

interface Untold {
  /** prom-client's series. */
  readonly series: Counter.Internal;
  value: number;
}

/** A counter for what is counted with every request: prom-client, which is slow to find a series, is told when it is read. */
export class Tally<Label extends string> {
  readonly #untold: LabelMap<Label, Untold>;

  constructor({ name, help, labels }: Definition<Label>, metricsRegistry: Registry) {
    const counter = new Counter<Label>({
      name,
      help,
      labelNames: [...labels],
      registers: [metricsRegistry],
      collect: () => this.#tell(),
    });
    this.#untold = new LabelMap(labels, (pairs) => ({
      series: counter.labels(...pairs.map(([, value]) => value)),
      value: 0,
    }));
  }

  /** `value` is finite and not below 0. */
  inc(labels: Readonly<Record<Label, string>>, value = 1): void {
    this.#untold.at(labels).value += value;
  }

  /** True if something was counted for these labels. */
  has(labels: Readonly<Record<Label, string>>): boolean {
    return this.#untold.has(labels);
  }

  #tell(): void {
    for (const untold of this.#untold.values()) {
      untold.series.inc(untold.value);
      untold.value = 0;
    }
  }
}
