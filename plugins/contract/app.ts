/**
 * Where an app keeps its contract: every plugin asks for it by `contractOf(app)`, whichever comes first makes it, and
 * two apps in one process share nothing.
 */
import { Journal } from './journal.ts'
import { Signals } from './signals.ts'
import { Tunables } from './tunables.ts'

export interface Contract {
  readonly signals: Signals
  readonly tunables: Tunables
  readonly journal: Journal
}

const contracts = new WeakMap<object, Contract>()

/** The contract of the app that listens on `app.server`, the same for every encapsulated child of it. */
export function contractOf(app: { readonly server: object }): Contract {
  const known = contracts.get(app.server)
  if (known) return known
  const contract: Contract = { signals: new Signals(), tunables: new Tunables(), journal: new Journal() }
  contracts.set(app.server, contract)
  return contract
}
