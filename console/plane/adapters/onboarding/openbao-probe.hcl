# What the plane's probe may do: ask for a tool's token as an agent does, and look at and end those that it was given.
# An accessor cannot be guessed and the probe can list none, so it reaches only tokens of its own.

path "auth/token/create/tool-*" {
  capabilities = ["update"]
}
path "auth/token/lookup-accessor" {
  capabilities = ["update"]
}
path "auth/token/revoke-accessor" {
  capabilities = ["update"]
}
