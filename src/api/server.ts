import { z } from 'zod'
import { accountFields, accountView, viewAccount } from './accounts.ts'
import { eventView, viewEvent } from './event-view.ts'
import { eventFilter, eventFilters } from './events.ts'
import { time, timeView } from './fields.ts'
import { page, pageOf, pageQuery } from './paging.ts'
import { administratorRoute } from './route.ts'

const serverView = z.strictObject({
  version: z.string(),
  now: timeView,
  frozen: z.boolean().describe('Nothing new is offered to any device of the server'),
  accounts: z.int(),
})

export const serverRoutes = [
  administratorRoute({
    id: 'server.show',
    method: 'GET',
    path: '/server',
    summary: 'State of the server',
    reply: serverView,
    async handle({ core, stores, context }) {
      const [frozen, accounts] = await Promise.all([core.organisations.isServerFrozen(), stores.accounts.count()])
      return { version: context.options.version, now: time(core.deps.clock.now()), frozen, accounts }
    },
  }),

  ...[true, false].map((frozen) =>
    administratorRoute({
      id: frozen ? 'server.freeze' : 'server.thaw',
      method: 'POST',
      path: frozen ? '/server/freeze' : '/server/thaw',
      summary: frozen ? 'Offer nothing new to any device of the server; what is under way ends' : 'End a freeze',
      async handle({ services, actor }) {
        await services.organisations.freezeServer(actor, frozen)
      },
    }),
  ),

  administratorRoute({
    id: 'server.accounts',
    method: 'GET',
    path: '/server/accounts',
    summary: 'Every account of the server',
    query: pageQuery,
    reply: pageOf(accountView),
    handle: ({ stores, core }, { query }) =>
      page({
        query,
        list: (slice) => stores.accounts.list(slice),
        view: (account) => viewAccount(account, core.deps.clock.now()),
      }),
  }),

  administratorRoute({
    id: 'server.create-account',
    method: 'POST',
    path: '/server/accounts',
    summary: 'Make an account that belongs to no organisation yet',
    creates: true,
    body: z.strictObject({ ...accountFields, isAdministrator: z.boolean().default(false) }),
    reply: accountView,
    async handle({ services, actor, core }, { body }) {
      return viewAccount(await services.accounts.create(actor, body), core.deps.clock.now())
    },
  }),

  administratorRoute({
    id: 'server.events',
    method: 'GET',
    path: '/server/events',
    summary: 'What happened to the server itself, newest first',
    query: { ...pageQuery, ...eventFilters },
    reply: pageOf(eventView),
    handle: ({ stores }, { query }) => {
      const filter = { organisation: null, ...eventFilter(query) }
      return page({
        query,
        order: 'desc',
        list: (slice) => stores.events.list(filter, slice),
        view: viewEvent,
      })
    },
  }),
]
