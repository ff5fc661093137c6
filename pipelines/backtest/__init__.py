"""Backtests: on history whose labels are known, which strategy would have saved the most labels?"""
