locals {
  gateway_env = merge(
    {
      PUBLIC_URL           = local.gateway_url
      STORE                = "firestore"
      GOOGLE_CLOUD_PROJECT = var.project_id
      FIRESTORE_DATABASE   = google_firestore_database.gateway.name
      OIDC_ISSUER          = var.oidc_issuer
      SECRETS_PROJECT      = var.project_id
      SECRETS_PREFIX       = var.secrets_prefix
      AUDIT_RETENTION_DAYS = tostring(var.audit_retention_days)
      TRUSTED_PROXIES      = tostring(var.trusted_proxies)
      # DATA_DIR is in the memory of the instance and does not outlive it.
      AUDIT_SPOOL_MAX_BYTES = "67108864"
      # 10 s from SIGTERM to SIGKILL, of which closing takes at most 3.
      DRAIN_TIMEOUT_MS = "6000"
    },
    var.oidc_audience == null ? {} : { OIDC_AUDIENCE = var.oidc_audience },
  )
  # Usage records stay in the memory of that service; those that count are the gateway's own.
  stdio_env = {
    PUBLIC_URL       = local.stdio_url
    REGISTRY_FILE    = "/app/registry.yaml"
    OIDC_ISSUER      = var.oidc_issuer
    OIDC_AUDIENCE    = local.stdio_url
    METRICS_PORT     = "off"
    TRUSTED_PROXIES  = "1"
    DRAIN_TIMEOUT_MS = "6000"
  }
}

resource "google_cloud_run_v2_service" "gateway" {
  name                = var.name
  location            = var.region
  ingress             = "INGRESS_TRAFFIC_ALL"
  deletion_protection = var.deletion_protection

  template {
    service_account = google_service_account.gateway.email
    # The longest there is: streams are requests too.
    timeout                          = "3600s"
    max_instance_request_concurrency = var.concurrency
    # Best effort, and only faster: every instance continues every session of Streamable HTTP.
    session_affinity = true

    scaling {
      min_instance_count = var.scaling.min
      max_instance_count = var.scaling.max
    }

    dynamic "vpc_access" {
      for_each = var.network == null ? [] : [var.network]
      content {
        egress = "ALL_TRAFFIC"
        network_interfaces {
          network    = vpc_access.value.network
          subnetwork = vpc_access.value.subnetwork
        }
      }
    }

    containers {
      name  = "gateway"
      image = var.image

      ports {
        container_port = 8080
      }

      resources {
        limits = { cpu = var.resources.cpu, memory = var.resources.memory }
        # Instance-based billing: listeners, records and metrics need CPU between requests as well.
        cpu_idle          = false
        startup_cpu_boost = true
      }

      dynamic "env" {
        for_each = local.gateway_env
        content {
          name  = env.key
          value = env.value
        }
      }

      # Keys that all instances share: what one of them hands to a client, the next has to understand.
      env {
        name = "STATE_KEY"
        value_source {
          secret_key_ref {
            secret  = var.state_key_secret
            version = "latest"
          }
        }
      }

      env {
        name = "AUDIT_DIGEST_KEY"
        value_source {
          secret_key_ref {
            secret  = var.audit_digest_key_secret
            version = "latest"
          }
        }
      }

      env {
        name = "AUDIT_SIGNING_KEY"
        value_source {
          secret_key_ref {
            secret  = var.audit_signing_key_secret
            version = "latest"
          }
        }
      }

      # Ready is with the first snapshot of the registry, or the last good one: no instance gets requests before.
      startup_probe {
        period_seconds    = 2
        timeout_seconds   = 2
        failure_threshold = 60
        http_get {
          path = "/readyz"
        }
      }

      # Only the process itself: an outage of Firestore is no reason for a restart.
      liveness_probe {
        period_seconds    = 10
        timeout_seconds   = 3
        failure_threshold = 3
        http_get {
          path = "/healthz"
        }
      }
    }

    # Reads /metrics of the gateway on loopback.
    dynamic "containers" {
      for_each = var.metrics_sidecar_image == null ? [] : [var.metrics_sidecar_image]
      content {
        name       = "metrics"
        image      = containers.value
        depends_on = ["gateway"]

        volume_mounts {
          name       = "metrics"
          mount_path = "/etc/rungmp"
        }
      }
    }

    dynamic "volumes" {
      for_each = google_secret_manager_secret_version.metrics
      content {
        name = "metrics"
        secret {
          secret = volumes.value.secret
          items {
            path    = "config.yaml"
            version = volumes.value.version
          }
        }
      }
    }
  }

  lifecycle {
    # The build deploys images.
    ignore_changes = [client, client_version, template[0].containers[0].image]
  }

  depends_on = [
    google_project_iam_member.documents,
    google_project_iam_member.secrets,
    google_secret_manager_secret_iam_member.keys,
    google_secret_manager_secret_iam_member.metrics,
  ]
}

# Runs the stdio servers. Its service account has no role: what a server can take from the metadata server is worth
# nothing. Only calls from inside the VPC network reach it, and they need a token of the identity provider.
resource "google_cloud_run_v2_service" "stdio" {
  count               = var.stdio == null ? 0 : 1
  name                = local.stdio_name
  location            = var.region
  ingress             = "INGRESS_TRAFFIC_INTERNAL_ONLY"
  deletion_protection = var.deletion_protection

  template {
    service_account                  = google_service_account.stdio[0].email
    execution_environment            = "EXECUTION_ENVIRONMENT_GEN2"
    timeout                          = "3600s"
    max_instance_request_concurrency = var.concurrency
    session_affinity                 = true

    scaling {
      min_instance_count = 1
      max_instance_count = var.stdio.max_instances
    }

    containers {
      name  = "gateway"
      image = var.stdio.image

      ports {
        container_port = 8080
      }

      resources {
        limits            = { cpu = var.resources.cpu, memory = var.resources.memory }
        cpu_idle          = false
        startup_cpu_boost = true
      }

      dynamic "env" {
        for_each = local.stdio_env
        content {
          name  = env.key
          value = env.value
        }
      }

      startup_probe {
        period_seconds    = 2
        timeout_seconds   = 2
        failure_threshold = 60
        http_get {
          path = "/readyz"
        }
      }

      liveness_probe {
        period_seconds    = 10
        timeout_seconds   = 3
        failure_threshold = 3
        http_get {
          path = "/healthz"
        }
      }
    }
  }

  lifecycle {
    ignore_changes = [client, client_version]
  }

  depends_on = [google_project_service.apis]
}
