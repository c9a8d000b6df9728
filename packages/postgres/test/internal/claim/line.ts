/** A line as PostgreSQL keeps one, small and in steps: who has not committed is not seen, and every statement has its snapshot. */
import type { Answer, Lanes, Pick, Question, Taken } from "../../../src/internal/claim/lanes.ts"

interface Row extends Taken {
  readonly by: number
  lockedBy: number | undefined
  taken: boolean
}

interface Claim {
  readonly xid: number
  readonly picks: ReadonlyArray<Pick>
  readonly rows: ReadonlyArray<Row>
  readonly locked: ReadonlyArray<Row>
  readonly limit: number
}

interface Look {
  readonly question: Question
  readonly heads: ReadonlyArray<number>
  readonly oldest: number
}

export class Line {
  readonly rows: Array<Row> = []
  readonly inserters: Array<number> = []
  readonly claims: Array<Claim> = []
  look: Look | undefined
  now = 0
  private readonly running = new Set<number>()
  private nextXid = 1
  private place = 0

  private begin(): number {
    this.running.add(this.nextXid)
    return this.nextXid++
  }

  /** What a statement that begins now sees as ready. */
  private ready(): ReadonlyArray<Row> {
    return this.rows.filter(({ by, taken }) => !taken && !this.running.has(by))
  }

  private first(rows: ReadonlyArray<Row>, { after, lane, limit, upTo = Infinity }: Pick): ReadonlyArray<Row> {
    return rows.filter(({ lockedBy, priority, route, seq }) =>
      lockedBy === undefined && route === lane.route && priority === lane.priority && seq > after && seq <= upTo
    ).sort((a, b) => a.seq - b.seq).slice(0, limit)
  }

  // ---- others

  open(): void {
    this.inserters.push(this.begin())
  }

  insert(index: number, route: number, priority: number): void {
    const by = this.inserters[index % this.inserters.length]
    if (by !== undefined) this.rows.push({ route, priority, seq: ++this.place, by, lockedBy: undefined, taken: false })
  }

  close(index: number, commit: boolean): void {
    const [xid] = this.inserters.splice(index % Math.max(1, this.inserters.length), 1)
    if (xid === undefined) return
    this.running.delete(xid)
    if (!commit) for (const row of this.rows) if (row.by === xid) row.taken = true
  }

  // ---- claims of ours: a snapshot and its locks, and some time later its end

  claim(lanes: Lanes, open: ReadonlyArray<number>, limit: number): void {
    const picks = lanes.picks(open, limit)
    if (picks.length === 0) return
    const xid = this.begin()
    const ready = this.ready()
    const locked = picks.flatMap((pick) => {
      const found = this.first(ready, pick)
      for (const row of found) row.lockedBy = xid
      return found
    })
    this.claims.push({ xid, picks, rows: locked.slice(0, limit), locked, limit })
  }

  end(lanes: Lanes, index: number, how: "answered" | "lost" | "rolled back"): void {
    const [claim] = this.claims.splice(index % Math.max(1, this.claims.length), 1)
    if (claim === undefined) return
    this.running.delete(claim.xid)
    for (const row of claim.locked) row.lockedBy = undefined
    for (const row of claim.rows) row.taken = how !== "rolled back"
    if (how === "answered") lanes.learn(claim.picks, claim.rows, claim.rows.length >= claim.limit, this.now)
    else lanes.doubt()
  }

  // ---- looks: a snapshot, then the place and the id, then the answer

  beginLook(lanes: Lanes): void {
    if (this.look !== undefined) return
    const question = lanes.question(this.now)
    const ready = this.ready()
    const heads = question.lanes.map((lane, index) => Math.min(...ready.filter(({ priority, route, seq }) =>
      route === lane.route && priority === lane.priority && seq > question.marks[index]!).map(({ seq }) => seq)))
    this.look = { question, heads: heads.map((head) => head === Infinity ? 0 : head), oldest: Math.min(this.nextXid, ...this.running) }
  }

  /** `xid` is taken here: whatever began between the snapshot and now is below it. */
  endLook(lanes: Lanes): void {
    if (this.look === undefined) return
    const { heads, oldest, question } = this.look
    const { sample, sweep } = question
    const { place } = this
    const wanted = sweep && place !== sample.place && oldest >= sample.xid
    const answer: Answer = { heads, oldest, place, xid: wanted ? this.nextXid++ : null }
    this.look = undefined
    lanes.answer(question, answer, this.now)
  }

  /** All that anybody may still claim. */
  get left(): ReadonlyArray<Row> {
    return this.rows.filter(({ taken }) => !taken)
  }
}
