/** Dates as HTTP writes them (RFC 9110, 5.6.7). `Date.parse` takes nearly anything for a date, and one of the three forms for local time. */

const months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
const time = /(?<hour>[01]\d|2[0-3]):(?<minute>[0-5]\d):(?<second>[0-5]\d|60)/.source

/** IMF-fixdate, as all should write it, and the two that all must read: RFC 850, and C's asctime. */
const forms = [
  new RegExp(`^[A-Z][a-z]{2}, (?<day>\\d{2}) (?<month>[A-Z][a-z]{2}) (?<year>\\d{4}) ${time} GMT$`),
  new RegExp(`^[A-Z][a-z]{5,8}, (?<day>\\d{2})-(?<month>[A-Z][a-z]{2})-(?<year>\\d{2}) ${time} GMT$`),
  new RegExp(`^[A-Z][a-z]{2} (?<month>[A-Z][a-z]{2}) (?<day>[ \\d]\\d) ${time} (?<year>\\d{4})$`)
]

/** Two digits mean the year nearest to now that ends in them: no more than fifty years ahead. */
const fullYear = (year: string, epoch: number): number => {
  if (year.length === 4) return Number(year)
  const first = new Date(epoch).getUTCFullYear() - 49
  return first + (Number(year) + 100 - first % 100) % 100
}

/** Milliseconds since 1970; undefined for what is no date. `epoch` is now. */
export const parseHttpDate = (text: string, epoch: number): number | undefined => {
  for (const form of forms) {
    const { day, hour, minute, month, second, year } = form.exec(text)?.groups ?? {}
    if (year === undefined) continue
    const at = months.indexOf(month!)
    return at < 0 ? undefined : Date.UTC(fullYear(year, epoch), at, Number(day), Number(hour), Number(minute), Number(second))
  }
  return undefined
}
