interface Entry<T> {
  dueMs: number;
  readonly item: T;
}

/** A binary heap of things that are due at a time, each of them once: what was taken out is not kept in memory. */
export class Deadlines<T> {
  readonly #heap: Entry<T>[] = [];
  /** Where in the heap each item is. */
  readonly #places = new Map<T, number>();

  get size(): number {
    return this.#heap.length;
  }

  /** Makes the item due at `dueMs`, unless it is due before that. */
  bringForward(item: T, dueMs: number): void {
    const place = this.#places.get(item);
    const entry = place === undefined ? undefined : this.#heap[place];
    if (place === undefined || entry === undefined) return this.#rise({ dueMs, item }, this.#heap.length);
    if (entry.dueMs <= dueMs) return;
    entry.dueMs = dueMs;
    this.#rise(entry, place);
  }

  delete(item: T): void {
    const place = this.#places.get(item);
    if (place !== undefined) this.#take(place);
  }

  /** Takes out the earliest item that is due by `nowMs`; undefined if none is. */
  pop(nowMs: number): Readonly<Entry<T>> | undefined {
    const first = this.#heap[0];
    if (first === undefined || first.dueMs > nowMs) return undefined;
    this.#take(0);
    return first;
  }

  #take(place: number): void {
    const taken = this.#heap[place];
    const last = this.#heap.pop();
    if (taken === undefined || last === undefined) return;
    this.#places.delete(taken.item);
    if (taken === last) return;
    if (last.dueMs < taken.dueMs) this.#rise(last, place);
    else this.#sink(last, place);
  }

  #rise(entry: Entry<T>, from: number): void {
    let at = from;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = this.#heap[parent];
      if (above === undefined || above.dueMs <= entry.dueMs) break;
      this.#put(above, at);
      at = parent;
    }
    this.#put(entry, at);
  }

  #sink(entry: Entry<T>, from: number): void {
    let at = from;
    for (;;) {
      let child = 2 * at + 1;
      const right = this.#heap[child + 1];
      let below = this.#heap[child];
      if (below !== undefined && right !== undefined && right.dueMs < below.dueMs) {
        child += 1;
        below = right;
      }
      if (below === undefined || below.dueMs >= entry.dueMs) break;
      this.#put(below, at);
      at = child;
    }
    this.#put(entry, at);
  }

  #put(entry: Entry<T>, place: number): void {
    this.#heap[place] = entry;
    this.#places.set(entry.item, place);
  }
}
