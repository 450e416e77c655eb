/** The keys that replicas share, which a gateway with Firestore does not start without. */
export const SHARED_KEYS = { STATE_KEY: 'cd'.repeat(32), AUDIT_DIGEST_KEY: 'ab'.repeat(32) }
