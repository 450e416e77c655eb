variable "project_id" {
  description = "Google Cloud project of everything here."
  type        = string
}

variable "region" {
  description = "Region of the services and of the image repository."
  type        = string
}

variable "name" {
  description = "Name of the service, and what the names of all else begin with."
  type        = string
  default     = "tool-gateway"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{2,20}[a-z0-9]$", var.name))
    error_message = "4 to 22 lower-case letters, digits and hyphens; service account ids are made of it."
  }
}

variable "image" {
  description = "Image of the first deployment. Later ones are the build's: Terraform leaves the image alone."
  type        = string
}

variable "public_url" {
  description = "URL under which clients reach the gateway; null: the URL that Cloud Run gives the service."
  type        = string
  default     = null
}

variable "trusted_proxies" {
  description = "Proxies that every request passes: 1 is Google's front end; 2 with an external Application Load Balancer, past which then nobody may reach the service."
  type        = number
  default     = 1
}

variable "oidc_issuer" {
  description = "Identity provider whose tokens are accepted. Tenants may name further ones in Firestore."
  type        = string
}

variable "oidc_audience" {
  description = "The `aud` of tokens; null: the public URL."
  type        = string
  default     = null
}

variable "firestore_location" {
  description = "Location of the database. It cannot be changed later."
  type        = string
}

variable "firestore_database" {
  description = "Name of the database."
  type        = string
  default     = "tool-gateway"
}

variable "audit_retention_days" {
  description = "Age at which usage records are deleted."
  type        = number
  default     = 90
}

variable "audit_digest_key_secret" {
  description = "Id of the secret with the key of the digests of arguments (64 hex digits). It is made by hand, so that no state file has it."
  type        = string
}

variable "audit_signing_key_secret" {
  description = "Id of the secret with the key that signs the checkpoints of usage records (64 hex digits). It is made by hand, so that no state file has it."
  type        = string
}

variable "state_key_secret" {
  description = "Id of the secret with the key that seals what clients carry between requests (64 hex digits). It is made by hand, so that no state file has it."
  type        = string
}

variable "secrets_prefix" {
  description = "What the ids of the tenants' secrets begin with. The gateway can read no others."
  type        = string
  default     = "tg-"

  validation {
    condition     = can(regex("^[A-Za-z0-9_-]{1,11}$", var.secrets_prefix))
    error_message = "1 to 11 letters, digits, hyphens and underscores."
  }

  validation {
    condition     = !startswith(var.audit_digest_key_secret, var.secrets_prefix)
    error_message = "audit_digest_key_secret must not begin with it: documents of the registry could name that secret."
  }

  validation {
    condition     = !startswith(var.audit_signing_key_secret, var.secrets_prefix)
    error_message = "audit_signing_key_secret must not begin with it: documents of the registry could name that secret."
  }

  validation {
    condition     = !startswith(var.state_key_secret, var.secrets_prefix)
    error_message = "state_key_secret must not begin with it: documents of the registry could name that secret."
  }
}

variable "scaling" {
  description = "Instances of the gateway. The least is at least 1: listeners and the queue of records live in the process."
  type        = object({ min = number, max = number })
  default     = { min = 1, max = 10 }

  validation {
    condition     = var.scaling.min >= 1 && var.scaling.max >= var.scaling.min
    error_message = "min is at least 1, and max at least min."
  }
}

variable "concurrency" {
  description = "Requests in one instance at a time; every open stream is one."
  type        = number
  default     = 500

  validation {
    condition     = var.concurrency >= 1 && var.concurrency <= 1000
    error_message = "Cloud Run allows 1 to 1000."
  }
}

variable "resources" {
  description = "CPU and memory of an instance."
  type        = object({ cpu = string, memory = string })
  default     = { cpu = "2", memory = "1Gi" }
}

variable "metrics_sidecar_image" {
  description = "Image of the sidecar of Managed Service for Prometheus for Cloud Run; null: metrics are not collected, and alerts have no data."
  type        = string
  default     = null
}

variable "network" {
  description = "VPC network and subnetwork through which the gateway sends everything; null: straight to the internet. The service for stdio servers can only be reached through one."
  type        = object({ network = string, subnetwork = string })
  default     = null
}

variable "stdio" {
  description = "The service for stdio servers, which has no rights; null: none. `image` is made with infra/stdio/Dockerfile."
  type        = object({ image = string, max_instances = optional(number, 1) })
  default     = null

  validation {
    condition     = var.stdio == null || var.network != null
    error_message = "It needs `network`: only calls from inside reach it."
  }
}

variable "deletion_protection" {
  description = "Whether the database and the services refuse to be deleted."
  type        = bool
  default     = true
}

variable "notification_channels" {
  description = "Names of the notification channels of the alerts."
  type        = list(string)
  default     = []
}
