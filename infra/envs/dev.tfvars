# The project, image, issuer and URLs are examples.
project_id               = "example-dev"
region                   = "europe-west1"
firestore_location       = "europe-west1"
image                    = "europe-west1-docker.pkg.dev/example-dev/tool-gateway/tool-gateway:first"
oidc_issuer              = "https://id.dev.example.com"
audit_digest_key_secret  = "audit-digest-key"
audit_signing_key_secret = "audit-signing-key"
state_key_secret         = "state-key"
audit_retention_days     = 30
scaling                  = { min = 1, max = 2 }
resources                = { cpu = "1", memory = "1Gi" }
deletion_protection      = false
