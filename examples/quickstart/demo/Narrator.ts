/** Tells the story as it happens: one line an event, with the seconds; in colour on a terminal that wants it. */

/** The phases of the storm, in order. */
export type Phase = "start" | "calm" | "slow" | "failing" | "dead" | "loop" | "kills" | "return" | "end"

const codes = { dim: 2, bold: 1, red: 31, green: 32, yellow: 33, cyan: 36 } as const
export type Colour = keyof typeof codes

/** Paints text, or leaves it: no colours without a terminal, nor where `NO_COLOR` is set. */
export type Paint = (colour: Colour, text: string) => string

export const paintFor = (stream: { readonly isTTY?: boolean | undefined }, env: NodeJS.ProcessEnv): Paint =>
  stream.isTTY === true && !env["NO_COLOR"] ? (colour, text) => `\u001b[${codes[colour]}m${text}\u001b[0m` : (_, text) => text

const colours: Record<Phase, Colour> = {
  start: "dim", calm: "green", slow: "yellow", failing: "yellow", dead: "red", loop: "red", kills: "red", return: "green", end: "bold"
}

export class Narrator {
  private readonly from = performance.now()
  private readonly paint: Paint
  private readonly print: (line: string) => void
  private phase: Phase = "start"

  constructor(paint: Paint, print: (line: string) => void) {
    this.paint = paint
    this.print = print
  }

  /** A new phase begins. */
  begin(phase: Phase, text: string): void {
    this.phase = phase
    this.say(text)
  }

  say(text: string): void {
    const seconds = ((performance.now() - this.from) / 1000).toFixed(1).padStart(5)
    this.print(`${this.paint("dim", `${seconds} s`)}  ${this.paint(colours[this.phase], this.phase.padEnd(7))}  ${text}`)
  }
}
