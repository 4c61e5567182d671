/**
 * Joins observers to one that never throws: a mistake in one who watches must not reach what is watched, nor keep the
 * others from seeing. `failed` is told of each.
 */
export function joinObservers<Event>(
  observers: readonly ((event: Event) => void)[],
  failed: (error: unknown) => void,
): (event: Event) => void {
  return (event) => {
    for (const observe of observers) {
      try {
        observe(event);
      } catch (error) {
        failed(error);
      }
    }
  };
}
