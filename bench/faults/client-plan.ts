import type { Image } from "../../test/support/clients/image.ts";
import type { ProxyListener } from "../truth/proxy-process.ts";
import type { CellRegistry } from "./cell-registry.ts";
import type { Cell } from "./cells.ts";
import type { Phase } from "./phases.ts";
import type { Seen } from "./seen.ts";

/** Who pulls the images of cells, once it is there. */
export interface MatrixClient {
  pull(registry: CellRegistry): Promise<Seen>;
  close(): Promise<void>;
}

/** How one kind of client goes through the matrix. */
export interface ClientPlan {
  readonly name: string;
  /** What it asks for first. */
  readonly first: Phase;
  /** Pulls at once. */
  readonly parallel: number;
  /** Cells of a sample: as many as a minute has room for, whatever is drawn. */
  readonly shortCells: number;
  /** It repeats what failed, and the tracker waits for that as long as it does by default. */
  readonly repeats: boolean;
  /** Which cells mean something for it. */
  takes(cell: Cell): boolean;
  /** Listeners of the proxy for these cells. */
  listeners(cells: readonly Cell[]): readonly ProxyListener[];
  imageFor(cell: Cell): Image;
  start(ports: Readonly<Record<string, number>>, registries: readonly CellRegistry[]): Promise<MatrixClient>;
}
