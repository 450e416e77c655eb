locals {
  # The one list of indexes, which the Firestore tools read as well.
  firestore = jsondecode(file("${path.module}/../firestore.indexes.json"))
}

resource "google_firestore_database" "gateway" {
  name                              = var.firestore_database
  location_id                       = var.firestore_location
  type                              = "FIRESTORE_NATIVE"
  point_in_time_recovery_enablement = "POINT_IN_TIME_RECOVERY_ENABLED"
  delete_protection_state           = var.deletion_protection ? "DELETE_PROTECTION_ENABLED" : "DELETE_PROTECTION_DISABLED"
  deletion_policy                   = var.deletion_protection ? "ABANDON" : "DELETE"

  depends_on = [google_project_service.apis]
}

resource "google_firestore_index" "queries" {
  for_each = {
    for index in local.firestore.indexes :
    join("/", concat([index.collectionGroup], [for field in index.fields : "${field.fieldPath}:${field.order}"])) => index
  }
  database    = google_firestore_database.gateway.name
  collection  = each.value.collectionGroup
  query_scope = each.value.queryScope

  dynamic "fields" {
    for_each = each.value.fields
    content {
      field_path = fields.value.fieldPath
      order      = fields.value.order
    }
  }
}

# Fields without indexes of their own, above all atMs and expireAt: an index that grows with time alone would bound
# the collection at 500 writes per second. expireAt is the field of the TTL policy as well, the only thing that deletes
# usage records.
resource "google_firestore_field" "overrides" {
  for_each = {
    for field in local.firestore.fieldOverrides : "${field.collectionGroup}/${field.fieldPath}" => field
  }
  database   = google_firestore_database.gateway.name
  collection = each.value.collectionGroup
  field      = each.value.fieldPath

  # Empty on purpose: no index.
  index_config {}

  dynamic "ttl_config" {
    for_each = try(each.value.ttl, false) ? [true] : []
    content {}
  }
}

resource "google_firestore_backup_schedule" "daily" {
  database  = google_firestore_database.gateway.name
  retention = "604800s"

  daily_recurrence {}
}

# What clients of Firestore may do directly; the gateway is bound by IAM instead.
resource "google_firebaserules_ruleset" "firestore" {
  source {
    files {
      name    = "firestore.rules"
      content = file("${path.module}/../firestore.rules")
    }
  }

  depends_on = [google_project_service.apis]
}

resource "google_firebaserules_release" "firestore" {
  name         = "cloud.firestore/${google_firestore_database.gateway.name}"
  ruleset_name = google_firebaserules_ruleset.firestore.name
}
