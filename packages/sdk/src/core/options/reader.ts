/** Reads options as people write them. Whatever makes no sense is refused with the policy, the option, the value and what is allowed. */
import { toMillis } from "../time/duration.ts"
import { InvalidPolicyOption } from "../errors.ts"

/** Beyond it a timer of the platform fires at once: 24.8 days. */
const longest = 2 ** 31 - 1

export class Reader {
  private readonly policy: string
  private readonly toMillis: (duration: unknown) => number

  /** `millisOf` reads the durations of the face: NaN for what is none. */
  constructor(policy: string, millisOf: (duration: unknown) => number = toMillis) {
    this.policy = policy
    this.toMillis = millisOf
  }

  refuse(option: string, value: unknown, allowed: string): never {
    throw new InvalidPolicyOption(this.policy, option, value, allowed)
  }

  /** Refuses what is no object of options, and every option that nobody knows. `prefix` is "" or ends in a dot. */
  known(prefix: string, options: unknown, names: ReadonlyArray<string>): void {
    if (typeof options !== "object" || options === null || Array.isArray(options)) {
      this.refuse(prefix.slice(0, -1) || "options", options, "an object of options, or false")
    }
    for (const name of Object.keys(options)) {
      if (!names.includes(name)) this.refuse(prefix + name, (options as Record<string, unknown>)[name], `left out: the options are ${names.join(", ")}`)
    }
  }

  /** Milliseconds: above zero (or from zero where that means something), and no more than a timer can hold. */
  millis(option: string, value: unknown, least: "above zero" | "from zero" = "above zero"): number {
    const millis = this.toMillis(value)
    const ok = millis <= longest && (least === "above zero" ? millis > 0 : millis >= 0)
    return ok ? millis : this.refuse(option, value, `milliseconds or a duration such as "30 seconds", ${least} and at most 24 days`)
  }

  /** As `millis`, and Infinity for a limit that is off. */
  limit(option: string, value: unknown): number {
    return value === undefined || value === false || value === Infinity ? Infinity : this.millis(option, value)
  }

  whole(option: string, value: unknown, least: number): number {
    const ok = Number.isSafeInteger(value) && (value as number) >= least
    return ok ? value as number : this.refuse(option, value, `a whole number from ${least}`)
  }

  number(option: string, value: unknown, least: number, most: number): number {
    const ok = typeof value === "number" && value >= least && value <= most
    return ok ? value : this.refuse(option, value, `a number from ${least} to ${most}`)
  }

  /** Of a whole. */
  share(option: string, value: unknown): number {
    return typeof value === "number" && value > 0 && value <= 1 ? value : this.refuse(option, value, "a share: above 0 and at most 1")
  }

  oneOf<const A extends string>(option: string, value: unknown, allowed: ReadonlyArray<A>): A {
    return allowed.includes(value as A) ? value as A : this.refuse(option, value, allowed.join(", "))
  }

  flag(option: string, value: unknown): boolean {
    return typeof value === "boolean" ? value : this.refuse(option, value, "true or false")
  }

  optionalFunction<F>(option: string, value: F | undefined): F | undefined {
    return value === undefined || typeof value === "function" ? value : this.refuse(option, value, "a function")
  }
}
