"""The desk's window: one bridge to the threads, one frame of docks, one folder a panel.

Only this package and `console.app` know Qt. What is shown comes from queries, what is done goes through actions, both
by the bridge; panels know the frame that they are given and never each other.
"""
