"""Real back-ends that the range starts, kills and ends by itself, so that switches are proven on the real thing.

Each file starts one program as a child in a folder of its own, provisioned by the very files that the onboarding page
of its adapter tells an organisation to use. Nothing here is needed to run a plane.
"""
