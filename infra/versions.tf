terraform {
  required_version = ">= 1.9"

  required_providers {
    google = {
      source  = "hashicorp/google"
      version = "~> 6.50"
    }
  }

  # Bucket and prefix are given with `terraform init -backend-config`.
  backend "gcs" {}
}

provider "google" {
  project = var.project_id
  region  = var.region
}
