"""One file a command of the command line; here, and in `console.app`, layers are put together.

How a command must look is said in `console.cli`.
"""
