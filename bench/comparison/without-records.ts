/**
 * Loaded before a gateway, so that it keeps no usage records: what they cost can be measured. The gateway itself has no
 * such setting, because an answer without a record must not be.
 */
import { AuditLog } from '../../src/audit/audit-log.ts'

AuditLog.prototype.record = function record() {
  this.release()
}
