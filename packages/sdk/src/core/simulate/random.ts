/**
 * Chance that comes again with its seed. Each part of a simulation draws from a stream of its own, so that two policies under
 * one seed meet the same callers at the same moments.
 */

/** A stream of numbers in [0, 1): `sfc32`, which passes the usual batteries of tests. */
export const randomOf = (seed: number, stream: number): () => number => {
  let a = seed | 0
  let b = Math.floor(seed / 2 ** 32) | 0
  let c = Math.imul(stream + 1, 0x9e3779b9)
  let counter = 1
  const next = () => {
    const sum = (((a + b) | 0) + counter) | 0
    counter = (counter + 1) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = ((c << 21) | (c >>> 11)) + sum | 0
    return (sum >>> 0) / 2 ** 32
  }
  for (let n = 0; n < 15; n++) next() // until every bit of the seed has reached every bit of the state
  return next
}

/** Mean 1, and never zero: the time between two of those who come one by one, independent of each other. */
export const exponential = (random: () => number): number => -Math.log(random() + 2 ** -33)

/** The standard normal distribution, by Box and Muller. */
const normal = (random: () => number): number =>
  Math.sqrt(2 * exponential(random)) * Math.cos(2 * Math.PI * random())

/** Where 99 % of the standard normal distribution lie below. */
const z99 = 2.3263478740408408

/** How long things take in computers, roughly: many are quick, a few take very long. */
export class LogNormal {
  private readonly mu: number
  private readonly sigma: number

  constructor(p50: number, p99: number) {
    this.mu = Math.log(p50)
    this.sigma = Math.log(p99 / p50) / z99
  }

  get mean(): number {
    return Math.exp(this.mu + this.sigma ** 2 / 2)
  }

  draw(random: () => number): number {
    return Math.exp(this.mu + this.sigma * normal(random))
  }
}
