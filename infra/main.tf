data "google_project" "this" {
  project_id = var.project_id
}

locals {
  # Cloud Run answers under this name too; unlike the other one it is known before the service exists.
  gateway_url = coalesce(var.public_url, "https://${var.name}-${data.google_project.this.number}.${var.region}.run.app")
  stdio_name  = "${var.name}-stdio"
  stdio_url   = "https://${local.stdio_name}-${data.google_project.this.number}.${var.region}.run.app"
}

resource "google_project_service" "apis" {
  for_each = toset([
    "artifactregistry.googleapis.com",
    "cloudbuild.googleapis.com",
    "firebaserules.googleapis.com",
    "firestore.googleapis.com",
    "iam.googleapis.com",
    "monitoring.googleapis.com",
    "run.googleapis.com",
    "secretmanager.googleapis.com",
  ])
  project            = var.project_id
  service            = each.value
  disable_on_destroy = false
}
