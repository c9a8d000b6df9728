/**
 * A preload that puts the wall clock of a process `OUTRIGGER_TEST_CLOCK_SHIFT` milliseconds off. The monotonic clock stays
 * as it is, as it does on a machine whose time was set wrong.
 */
const shift = Number(process.env["OUTRIGGER_TEST_CLOCK_SHIFT"] ?? 0)
const RealDate = Date

class ShiftedDate extends RealDate {
  constructor(...parts: ReadonlyArray<unknown>) {
    super(...(parts.length === 0 ? [RealDate.now() + shift] : parts) as [number])
  }

  static override now(): number {
    return RealDate.now() + shift
  }
}

globalThis.Date = ShiftedDate as DateConstructor
