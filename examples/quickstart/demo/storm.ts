/** The storm: the same for both runs, phase by phase. It goes on when the phase's orders have come and what it waits for is seen. */
import { readOrders } from "../orders.ts"
import { Customers } from "./customers.ts"
import type { Narrator } from "./Narrator.ts"
import type { Variant } from "./Variant.ts"
import { type Figures, figuresOf } from "./tally.ts"
import type { Deployment } from "./Deployment.ts"
import { watch } from "./watch.ts"

/** Plays it in a deployment that has started, and gives the figures. */
export const play = async (deployment: Deployment, variant: Variant, narrator: Narrator): Promise<Figures> => {
  const customers = new Customers(deployment.shopUrl, readOrders())
  const say = (text: string) => narrator.say(text)
  /** Where it stands, as the payment service and the shop know it. */
  const stand = async () => {
    const [{ ordersCharged }, waiting] = await Promise.all([deployment.ledger(), variant.waiting()])
    say(`${customers.confirmed.size} orders in, ${ordersCharged.length} charged; ${waiting}`)
  }
  try {
    narrator.begin("calm", "six customers a second order, six look at a price; payments is well")
    await customers.send(40)
    await stand()

    narrator.begin("slow", "payments answers after one to six seconds")
    await deployment.behave("slow")
    await customers.send(40)
    await stand()

    narrator.begin("failing", "payments answers 503")
    await deployment.behave("fail")
    await customers.send(40)
    for (const words of await variant.outage()) say(words)
    await stand()

    narrator.begin("dead", "payments takes requests and never answers, and then it is killed")
    await deployment.behave("hang")
    await customers.send(15)
    await deployment.payments.kill()
    say("payments is dead")
    await customers.send(30)
    say(await variant.waiting())

    narrator.begin("loop", "payments is back, and flaky: it charges, and two answers of seven are lost")
    await deployment.payments.start()
    await deployment.behave("flaky")
    await customers.send(10)
    say("a recount of the stock loops for ever")
    const recount = variant.recountForEver()
    const [{ answers, slowest }, known] = await Promise.all([watch(deployment.healthUrl, recount), recount, customers.send(35)])
    say(known)
    say(slowest === Infinity
      ? "health did not answer meanwhile"
      : `health answered ${answers} times meanwhile, the slowest answer took ${Math.ceil(slowest)} ms`)

    narrator.begin("kills", "and now the processes themselves, one after the other, while customers order")
    await Promise.all([customers.send(20), variant.killRunner().then(say)])
    await Promise.all([customers.send(25), variant.killAgent().then(say)])
    await Promise.all([customers.send(25), restart(deployment).then(say)])
    await stand()

    narrator.begin("return", "payments is well again")
    await deployment.behave("ok")
    await customers.send(20)
    customers.close()
    await customers.gone()
    await variant.drained().catch((error: Error) => say(error.message)) // then the table shows what is missing
    await stand()

    const saved = new Set((await deployment.orders()).map(({ id }) => id))
    const { confirmed, gaveUp, visits } = customers
    const ledger = await deployment.ledger()
    return figuresOf({ confirmed, gaveUp, ledger, openings: variant.openings(), saved, slowestHealth: slowest, visits })
  } finally {
    customers.close()
  }
}

const restart = async ({ shop }: Deployment): Promise<string> => {
  await shop.kill()
  const from = performance.now()
  await shop.start()
  return `SIGKILL of the shop: started again, up after ${((performance.now() - from) / 1000).toFixed(1)} s`
}
