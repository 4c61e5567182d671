/**
 * Joins observers to one that never throws: a mistake in one who watches must not reach what is watched, nor keep the
 * others from seeing. `failed` is told once, because the mistake would mostly repeat itself with every event.
 */
export function joinObservers<Event>(
  observers: readonly ((event: Event) => void)[],
  failed: (error: unknown) => void,
): (event: Event) => void {
  let told = false;
  return (event) => {
    for (const observe of observers) {
      try {
        observe(event);
      } catch (error) {
        if (!told) failed(error);
        told = true;
      }
    }
  };
}
