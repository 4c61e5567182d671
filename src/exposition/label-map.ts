import type { Labels } from "./metric-family.ts";

/**
 * What is kept for each combination of label values. Values are looked up one by one: to put a key together for each
 * observation costs more than the observation.
 */
export class LabelMap<Label extends string, Kept> {
  readonly #names: readonly Label[];
  readonly #create: (labels: Labels) => Kept;
  readonly #root: Node<Kept> = { kept: undefined, next: new Map() };
  readonly #all: Kept[] = [];

  /** `create` makes what is kept for a combination that was not there before; what has no labels is there from the start. */
  constructor(names: readonly Label[], create: (labels: Labels) => Kept) {
    this.#names = names;
    this.#create = create;
    if (names.length === 0) this.#root.kept = this.#add([]);
  }

  at(labels: Readonly<Record<Label, string>>): Kept {
    let node = this.#root;
    for (const name of this.#names) node = nextOf(node, labels[name]);
    return (node.kept ??= this.#add(this.#names.map((name) => [name, labels[name]])));
  }

  has(labels: Readonly<Record<Label, string>>): boolean {
    let node: Node<Kept> | undefined = this.#root;
    for (const name of this.#names) node = node?.next.get(labels[name]);
    return node?.kept !== undefined;
  }

  /** In the order in which they came. */
  values(): readonly Kept[] {
    return this.#all;
  }

  #add(labels: Labels): Kept {
    const kept = this.#create(labels);
    this.#all.push(kept);
    return kept;
  }
}

interface Node<Kept> {
  kept: Kept | undefined;
  readonly next: Map<string, Node<Kept>>;
}

function nextOf<Kept>(node: Node<Kept>, value: string): Node<Kept> {
  const known = node.next.get(value);
  if (known !== undefined) return known;
  const next: Node<Kept> = { kept: undefined, next: new Map() };
  node.next.set(value, next);
  return next;
}
