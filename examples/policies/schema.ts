import { eq } from 'drizzle-orm'
import { boolean, primaryKey, text, uuid } from 'drizzle-orm/pg-core'
import {
  anonymous,
  both,
  either,
  inTenant,
  isTrue,
  memberOf,
  ownedBy,
  policies,
  protectedTable,
  tenantAdmin,
} from 'rowpass/policies'

/** The people of a tenant see each other's tasks; their author changes them, an admin may delete any. */
export const tasks = protectedTable(
  'tasks',
  {
    id: uuid('id').primaryKey().defaultRandom(),
    tenantId: uuid('tenant_id').notNull(),
    authorId: uuid('author_id').notNull(),
    title: text('title').notNull(),
    done: boolean('done').notNull().default(false),
  },
  (t) => [
    ...policies(t, {
      all: both(inTenant(t.tenantId), ownedBy(t.authorId)),
      select: inTenant(t.tenantId),
      delete: either(both(inTenant(t.tenantId), ownedBy(t.authorId)), tenantAdmin(t.tenantId)),
    }),
  ],
)

/** Who belongs to which project: everybody sees their own memberships, the owner of the database writes them. */
export const memberships = protectedTable(
  'memberships',
  {
    userId: uuid('user_id').notNull(),
    projectId: uuid('project_id').notNull(),
    role: text('role', { enum: ['viewer', 'editor'] }).notNull(),
  },
  (t) => [
    primaryKey({ columns: [t.userId, t.projectId] }),
    ...policies(t, { select: ownedBy(t.userId), indexes: false }),
  ],
)

/** Members of a project read its documents, editors write them. */
export const documents = protectedTable(
  'documents',
  {
    id: uuid('id').primaryKey().defaultRandom(),
    projectId: uuid('project_id').notNull(),
    body: text('body').notNull(),
  },
  (t) => {
    const member = { key: memberships.projectId, user: memberships.userId }
    return [
      ...policies(t, {
        all: memberOf(t.projectId, { ...member, where: eq(memberships.role, 'editor') }),
        select: memberOf(t.projectId, member),
      }),
    ]
  },
)

/** The world reads what is published; authors see and write their own. */
export const articles = protectedTable(
  'articles',
  {
    id: uuid('id').primaryKey().defaultRandom(),
    authorId: text('author_id').notNull(),
    published: boolean('published').notNull().default(false),
    title: text('title').notNull(),
  },
  (t) => [
    ...policies(
      t,
      { all: ownedBy(t.authorId), select: either(isTrue(t.published), ownedBy(t.authorId)) },
      { to: anonymous, select: isTrue(t.published) },
    ),
  ],
)
