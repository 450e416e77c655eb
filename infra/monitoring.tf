locals {
  # The rules are the same as those of Prometheus.
  rules = flatten(yamldecode(file("${path.module}/prometheus/tool-gateway.rules.yaml")).groups[*].rules)
  alerts = { for rule in local.rules : rule.alert => {
    title    = rule.annotations.summary
    query    = rule.expr
    duration = rule.for
    advice = join("\n\n", [
      rule.annotations.description,
      "[Runbook](${replace(rule.annotations.runbook_url, "https://gateway.example.com", local.gateway_url)})",
    ])
  } }

  panels = {
    "Calls per second by outcome"   = "sum by (outcome) (rate(gateway_calls_total[5m]))"
    "Calls per second by server"    = "sum by (server) (rate(gateway_calls_total[5m]))"
    "95th percentile by server (s)" = "histogram_quantile(0.95, sum by (le, server) (rate(gateway_call_duration_bucket[5m])))"
    "Errors per second by owner"    = "sum by (owner, code) (rate(gateway_errors_total[5m]))"
    "Denials per second by rule"    = "sum by (rule) (rate(gateway_denials_total[5m]))"
    "Refused tokens per second"     = "sum by (code) (rate(gateway_auth_failures_total[5m]))"
    "Open sessions by face"         = "sum by (face) (gateway_sessions)"
    "Servers by state"              = "max by (state) (gateway_servers)"
    "Usage records that wait"       = "sum(gateway_audit_queue)"
    "Age of the registry (s)"       = "max(gateway_registry_age)"
  }
  panel_titles = keys(local.panels)
}

resource "google_monitoring_alert_policy" "gateway" {
  for_each              = local.alerts
  display_name          = "${var.name}: ${each.value.title}"
  combiner              = "OR"
  notification_channels = var.notification_channels

  conditions {
    display_name = each.value.title
    condition_prometheus_query_language {
      query               = each.value.query
      duration            = each.value.duration
      evaluation_interval = "60s"
      # The metrics do not exist before the first deployment.
      disable_metric_validation = true
    }
  }

  documentation {
    content   = each.value.advice
    mime_type = "text/markdown"
  }

  depends_on = [google_project_service.apis]
}

resource "google_monitoring_dashboard" "gateway" {
  dashboard_json = jsonencode({
    displayName = var.name
    mosaicLayout = {
      columns = 48
      tiles = [
        for position, title in local.panel_titles : {
          xPos   = position % 2 * 24
          yPos   = floor(position / 2) * 16
          width  = 24
          height = 16
          widget = {
            title = title
            xyChart = {
              dataSets = [{
                plotType        = "LINE"
                timeSeriesQuery = { prometheusQuery = local.panels[title] }
              }]
            }
          }
        }
      ]
    }
  })

  depends_on = [google_project_service.apis]
}

# What the sidecar reads. It is no secret, but Cloud Run mounts files from Secret Manager only.
resource "google_secret_manager_secret" "metrics" {
  count     = var.metrics_sidecar_image == null ? 0 : 1
  secret_id = "${var.name}-metrics-sidecar"

  replication {
    auto {}
  }

  depends_on = [google_project_service.apis]
}

resource "google_secret_manager_secret_version" "metrics" {
  count  = length(google_secret_manager_secret.metrics)
  secret = google_secret_manager_secret.metrics[0].id
  secret_data = yamlencode({
    apiVersion = "monitoring.googleapis.com/v1beta"
    kind       = "RunMonitoring"
    metadata   = { name = var.name }
    spec       = { endpoints = [{ port = 9464, path = "/metrics", interval = "30s" }] }
  })
}

resource "google_secret_manager_secret_iam_member" "metrics" {
  count     = length(google_secret_manager_secret.metrics)
  secret_id = google_secret_manager_secret.metrics[0].secret_id
  role      = "roles/secretmanager.secretAccessor"
  member    = google_service_account.gateway.member
}
