resource "google_service_account" "gateway" {
  account_id   = var.name
  display_name = "Tool Gateway"
}

# Has no role anywhere, and must never get one: it runs programs that others wrote.
resource "google_service_account" "stdio" {
  count        = var.stdio == null ? 0 : 1
  account_id   = local.stdio_name
  display_name = "Tool Gateway, stdio servers (no rights)"
}

resource "google_service_account" "build" {
  account_id   = "${var.name}-build"
  display_name = "Tool Gateway, builds"
}

# Documents, and no indexes, rules, imports or exports. IAM knows databases and no collections: the gateway writes
# statuses, snapshots and servers too, so it cannot be held to creating usage records only.
resource "google_project_iam_custom_role" "documents" {
  role_id     = replace("${var.name}_documents", "-", "_")
  title       = "Tool Gateway documents"
  description = "Reads and writes documents."
  permissions = [
    "datastore.databases.get",
    "datastore.entities.create",
    "datastore.entities.delete",
    "datastore.entities.get",
    "datastore.entities.list",
    "datastore.entities.update",
  ]
}

resource "google_project_iam_member" "documents" {
  project = var.project_id
  role    = google_project_iam_custom_role.documents.id
  member  = google_service_account.gateway.member

  condition {
    title      = "Database of the gateway"
    expression = "resource.name == \"projects/${var.project_id}/databases/${var.firestore_database}\""
  }
}

resource "google_project_iam_member" "secrets" {
  project = var.project_id
  role    = "roles/secretmanager.secretAccessor"
  member  = google_service_account.gateway.member

  condition {
    title      = "Secrets of tenants"
    expression = "resource.name.startsWith(\"projects/${data.google_project.this.number}/secrets/${var.secrets_prefix}\")"
  }
}

resource "google_secret_manager_secret_iam_member" "keys" {
  for_each  = toset([var.audit_digest_key_secret, var.audit_signing_key_secret, var.state_key_secret])
  secret_id = each.value
  role      = "roles/secretmanager.secretAccessor"
  member    = google_service_account.gateway.member
}

resource "google_project_iam_member" "metrics" {
  count   = var.metrics_sidecar_image == null ? 0 : 1
  project = var.project_id
  role    = "roles/monitoring.metricWriter"
  member  = google_service_account.gateway.member
}

# The gateway checks every token itself; those of its callers are not Google's.
resource "google_cloud_run_v2_service_iam_member" "gateway_invokers" {
  name     = google_cloud_run_v2_service.gateway.name
  location = var.region
  role     = "roles/run.invoker"
  member   = "allUsers"
}

resource "google_cloud_run_v2_service_iam_member" "stdio_invokers" {
  count    = length(google_cloud_run_v2_service.stdio)
  name     = google_cloud_run_v2_service.stdio[0].name
  location = var.region
  role     = "roles/run.invoker"
  member   = "allUsers"
}

# A build pushes images, and sets the image of the one service.
resource "google_artifact_registry_repository_iam_member" "build" {
  repository = google_artifact_registry_repository.images.name
  location   = var.region
  role       = "roles/artifactregistry.writer"
  member     = google_service_account.build.member
}

resource "google_cloud_run_v2_service_iam_member" "build" {
  name     = google_cloud_run_v2_service.gateway.name
  location = var.region
  role     = "roles/run.developer"
  member   = google_service_account.build.member
}

resource "google_service_account_iam_member" "build_acts_as_gateway" {
  service_account_id = google_service_account.gateway.name
  role               = "roles/iam.serviceAccountUser"
  member             = google_service_account.build.member
}

resource "google_project_iam_member" "build_logs" {
  project = var.project_id
  role    = "roles/logging.logWriter"
  member  = google_service_account.build.member
}
