/** What is fuzzed, by name: each campaign opens a gateway of its own and says what came of its cases. */
import { fuzzAnswers } from './fuzz-answers.ts'
import { fuzzClients } from './fuzz-clients.ts'
import { fuzzH2 } from './fuzz-h2.ts'
import { fuzzRequests } from './fuzz-requests.ts'

export const campaigns = { requests: fuzzRequests, answers: fuzzAnswers, h2: fuzzH2, clients: fuzzClients }

export function isCampaign(name: string): name is keyof typeof campaigns {
  return name in campaigns
}
