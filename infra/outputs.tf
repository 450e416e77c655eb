output "gateway_url" {
  description = "Where clients reach the gateway; MCP is at /mcp."
  value       = local.gateway_url
}

output "stdio_url" {
  description = "For the `url` of servers that run in the service for stdio servers; null without one."
  value       = var.stdio == null ? null : local.stdio_url
}

output "image_repository" {
  description = "Where images are pushed: the substitution _REPOSITORY of the build."
  value       = "${var.region}-docker.pkg.dev/${var.project_id}/${google_artifact_registry_repository.images.repository_id}"
}

output "build_service_account" {
  description = "Service account for the trigger of the build."
  value       = google_service_account.build.id
}

output "secrets_prefix" {
  description = "What the ids of tenants' secrets begin with, before `<tenant>_<name>`."
  value       = var.secrets_prefix
}
