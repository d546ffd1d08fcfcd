"""Tests of src: python -m unittest"""
