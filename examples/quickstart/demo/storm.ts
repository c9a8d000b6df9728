/** The storm: the same for both runs, phase by phase. It goes on when the phase's orders have come and what it waits for is seen. */
import { readOrders } from "../orders.ts"
import { Customers } from "./customers.ts"
import type { Narrator } from "./Narrator.ts"
import type { Side } from "./Side.ts"
import { type Figures, figuresOf } from "./tally.ts"
import type { Town } from "./Town.ts"
import { watch } from "./watch.ts"

/** Plays it in a town that has started, and gives the figures. */
export const play = async (town: Town, side: Side, narrator: Narrator): Promise<Figures> => {
  const customers = new Customers(town.shopUrl, readOrders())
  const say = (text: string) => narrator.say(text)
  /** Where it stands, as the payment service and the shop know it. */
  const stand = async () => {
    const [{ ordersCharged }, waiting] = await Promise.all([town.ledger(), side.waiting()])
    say(`${customers.confirmed.size} orders in, ${ordersCharged.length} charged; ${waiting}`)
  }
  try {
    narrator.begin("calm", "six customers a second order, six look at a price; payments is well")
    await customers.send(40)
    await stand()

    narrator.begin("slow", "payments answers after one to six seconds")
    await town.behave("slow")
    await customers.send(40)
    await stand()

    narrator.begin("failing", "payments answers 503")
    await town.behave("fail")
    await customers.send(40)
    for (const words of await side.outage()) say(words)
    await stand()

    narrator.begin("dead", "payments takes requests and never answers, and then it is killed")
    await town.behave("hang")
    await customers.send(15)
    await town.payments.kill()
    say("payments is dead")
    await customers.send(30)
    say(await side.waiting())

    narrator.begin("loop", "payments is back, and flaky: it charges, and two answers of seven are lost")
    await town.payments.start()
    await town.behave("flaky")
    await customers.send(10)
    say("a recount of the stock loops for ever")
    const recount = side.recountForEver()
    const [{ answers, slowest }, known] = await Promise.all([watch(town.healthUrl, recount), recount, customers.send(35)])
    say(known)
    say(slowest === Infinity
      ? `health did not answer meanwhile`
      : `health answered ${answers} times meanwhile, the slowest answer took ${Math.ceil(slowest)} ms`)

    narrator.begin("kills", "and now the processes themselves, one after the other, while customers order")
    await Promise.all([customers.send(20), side.killRunner().then(say)])
    await Promise.all([customers.send(25), side.killAgent().then(say)])
    await Promise.all([customers.send(25), restart(town).then(say)])
    await stand()

    narrator.begin("return", "payments is well again")
    await town.behave("ok")
    await customers.send(20)
    customers.close()
    await customers.gone()
    await side.drained()
    await stand()

    const saved = new Set((await town.orders()).map(({ id }) => id))
    const { confirmed, gaveUp, visits } = customers
    const ledger = await town.ledger()
    return figuresOf({ confirmed, gaveUp, ledger, openings: side.openings(), saved, slowestHealth: slowest, visits })
  } finally {
    customers.close()
  }
}

const restart = async ({ shop }: Town): Promise<string> => {
  await shop.kill()
  const from = performance.now()
  await shop.start()
  return `SIGKILL of the shop: started again, up after ${((performance.now() - from) / 1000).toFixed(1)} s`
}
