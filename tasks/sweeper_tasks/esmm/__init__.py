"""Clicks and conversions of impressions in one model (ESMM, Ma et al. 2018, arXiv:1804.07931)."""
