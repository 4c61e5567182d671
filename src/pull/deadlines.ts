/** A binary heap of things that are due at a time. The same thing may be in it more than once. */
export class Deadlines<T> {
  readonly #heap: { readonly dueMs: number; readonly item: T }[] = [];

  get size(): number {
    return this.#heap.length;
  }

  push(dueMs: number, item: T): void {
    const heap = this.#heap;
    const entry = { dueMs, item };
    let at = heap.length;
    heap.push(entry);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = heap[parent];
      if (above === undefined || above.dueMs <= dueMs) break;
      heap[at] = above;
      at = parent;
    }
    heap[at] = entry;
  }

  /** Takes out the earliest item that is due by `nowMs`; undefined if none is. */
  pop(nowMs: number): { readonly dueMs: number; readonly item: T } | undefined {
    const [first] = this.#heap;
    if (first === undefined || first.dueMs > nowMs) return undefined;
    const last = this.#heap.pop();
    if (last !== undefined && this.#heap.length > 0) this.#sink(last);
    return first;
  }

  #sink(entry: { readonly dueMs: number; readonly item: T }): void {
    const heap = this.#heap;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      const right = heap[child + 1];
      let below = heap[child];
      if (below !== undefined && right !== undefined && right.dueMs < below.dueMs) {
        child += 1;
        below = right;
      }
      if (below === undefined || below.dueMs >= entry.dueMs) break;
      heap[at] = below;
      at = child;
    }
    heap[at] = entry;
  }
}
